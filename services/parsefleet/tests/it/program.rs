//! Starting the binary.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder};
use tempfile::TempDir;

/// A stop that takes longer than this hangs.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running process. It is killed when the test is over.
pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// The binary, in an environment that holds nothing of the machine's.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parsefleet"));
    command.env_clear().args(arguments);
    command
}

/// Runs the binary to its end.
pub(crate) fn outcome(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

impl Program {
    /// Starts the binary and waits for the line that says that it answers; returns that line as well.
    pub(crate) fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, output };
        let line = program.line();
        assert!(line.starts_with(&format!("[{}] parsefleet ", program.child.id())), "{line:?}");
        (program, line)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Asks the process to stop and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let started = Instant::now();
        while started.elapsed() < STOP_LIMIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("still running {STOP_LIMIT:?} after SIGTERM");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parsefleet in one process with an embedded store of its own.
pub(crate) struct Standalone {
    pub(crate) program: Program,
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

impl Standalone {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(directory.path().to_str().unwrap(), arguments);
        server._directory = Some(directory);
        server
    }

    /// With the embedded store in this directory, which is kept.
    pub(crate) fn start_in(directory: &str, arguments: &[&str]) -> Self {
        let fixed = ["--appId", "APPLICATION_ID", "--masterKey", "MASTER_KEY", "--port", "0", "--host", "127.0.0.1"];
        let mut command = command(&fixed);
        let (program, line) = Program::start(command.args(["--dataDir", directory]).args(arguments));
        let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        Self { program, url, _directory: None }
    }

    /// A request as a client of the app.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        request(&self.url, method, path)
    }
}

/// A request as a client of the app.
pub(crate) fn request(url: &str, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{url}{path}")).header("X-Parse-Application-Id", "APPLICATION_ID")
}
