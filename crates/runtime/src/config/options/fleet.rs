//! Parsefleet's own settings.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    text("dataDir", &["PARSEFLEET_DATA_DIR"], "Directory of the embedded store; used when databaseURI is not set.")
        .default(r#""./parsefleet-data""#),
    text("listen", &["PARSEFLEET_LISTEN"], "host:port on which a role process serves gRPC.")
        .default(r#""0.0.0.0:50051""#),
    text(
        "adminListen",
        &["PARSEFLEET_ADMIN_LISTEN"],
        "host:port of /livez, /readyz and /metrics; off switches it off. Role processes: 0.0.0.0:9464; standalone: off.",
    ),
    text(
        "authUrl",
        &["PARSEFLEET_AUTH_URL"],
        "Where the auth role is, as http(s)://host:port; several separated by commas.",
    ),
    text(
        "dataUrl",
        &["PARSEFLEET_DATA_URL"],
        "Where the data role is, as http(s)://host:port; several separated by commas.",
    ),
    text(
        "redisUrl",
        &["PARSEFLEET_REDIS_URL"],
        "Redis that processes share; without it each caches, and counts limits, by itself.",
    )
    .secret(),
    text(
        "amqpUrl",
        &["PARSEFLEET_AMQP_URL"],
        "RabbitMQ that carries jobs, as amqp(s)://user:password@host:port/vhost; without it they are in a file of dataDir.",
    )
    .secret(),
    list(
        "jobRetryDelays",
        &["PARSEFLEET_JOB_RETRY_DELAYS"],
        "Pauses after the first failure of a job, the second, and so on; the last one for all that follow.",
    )
    .default(r#"["5s", "30s", "2m", "10m", "1h"]"#),
    integer(
        "jobAttempts",
        &["PARSEFLEET_JOB_ATTEMPTS"],
        "Attempts after which a job that fails is put aside for an operator.",
    )
    .default("16"),
    text(
        "serviceCredential",
        &["PARSEFLEET_SERVICE_CREDENTIAL"],
        "Secret that roles prove to each other that they belong together with. The roles gateway, auth and data need it.",
    )
    .secret(),
    text("tlsCert", &["PARSEFLEET_TLS_CERT"], "PEM file with the certificate chain for mutual TLS between roles."),
    text("tlsKey", &["PARSEFLEET_TLS_KEY"], "PEM file with the private key of tlsCert."),
    text(
        "tlsCa",
        &["PARSEFLEET_TLS_CA"],
        "PEM file with the authority that signs the certificates of the other roles.",
    ),
    text(
        "otlpEndpoint",
        &["PARSEFLEET_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        "OTLP collector (gRPC) that traces, metrics and logs go to; unset exports nothing.",
    ),
    duration("requestTimeout", &["PARSEFLEET_REQUEST_TIMEOUT"], "Deadline that a request starts with.")
        .default(r#""30s""#),
    boolean(
        "idempotencyReplay",
        &["PARSEFLEET_IDEMPOTENCY_REPLAY"],
        "Answer a repeated request of idempotencyOptions with the response of the first one instead of error 159.",
    ),
    text(
        "mailTemplates",
        &["PARSEFLEET_MAIL_TEMPLATES"],
        "Folder of mail templates: each file in it replaces one that is built in or that emailAdapter names.",
    ),
    integer(
        "mailConcurrency",
        &["PARSEFLEET_MAIL_CONCURRENCY"],
        "Mails that one process sends at the same time, 1 to 1000.",
    )
    .default("8"),
    duration(
        "shutdownGrace",
        &["PARSEFLEET_SHUTDOWN_GRACE"],
        "Longest time a stopping process waits for requests in flight.",
    )
    .default(r#""20s""#),
    duration(
        "shutdownDelay",
        &["PARSEFLEET_SHUTDOWN_DELAY"],
        "Time between \"not ready\" and refusing connections. Role processes: 5s; standalone: 0s.",
    ),
];
