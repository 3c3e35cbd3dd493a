-- wrk's side of the benchmark: sends one kind of request and prints one line of JSON at the end.
-- BENCH_PATHS is a file with one path a line, BENCH_BODY one with the body; BENCH_METHOD and BENCH_HEADERS ("name: value" a line)
-- say the rest.
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local headers = {}
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^\n:]+): ([^\n]+)") do headers[name] = value end
local method = os.getenv("BENCH_METHOD") or "GET"
local body = os.getenv("BENCH_BODY") and io.open(os.getenv("BENCH_BODY")):read("*a")

local next_path = 0
request = function()
    next_path = next_path % #paths + 1
    return wrk.format(method, paths[next_path], headers, body)
end

done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
