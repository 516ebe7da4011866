"""Every knob of the gateway, read from ECP_* environment variables; times are milliseconds."""

import os
import secrets
import socket
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _name() -> str:
    # Sessions remember which gateway holds them, so two processes must never share a name.
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Settings(BaseSettings):
    """Defaults suit one server; `Settings(port=0)` takes any free port."""

    model_config = SettingsConfigDict(env_prefix="ECP_", frozen=True)

    name: str = Field(default_factory=_name)
    host: str = "127.0.0.1"
    tcp: bool = True
    """Whether to serve the TCP protocol."""
    port: int = 7400
    reuse_port: bool = False
    """Share the port with other gateways of this machine, among which the system deals the connections."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """With it, every client must show a certificate of this authority."""

    database_url: str = "postgresql:///ecp"
    """Straight to the server: LISTEN does not pass through a transaction pooler."""
    database_role: str = "ecp_gateway"
    provider_connections: int = 2
    subscriber_connections: int = 2
    fanout_connections: int = 2
    batch_limit: int = 500
    """Signals or reports in one call; a batch takes whole frames, so it may run over by one frame."""
    call_deadline_ms: int = 450
    """A call that takes longer means that the database is away: clients are promised an answer within 500."""
    fanout_deadline_ms: int = 5_000
    """No client waits for fan-out, so it may take longer."""
    upload_deadline_ms: int = 5_000
    """The same for specifications: they are sent once in a session, and there are thousands."""
    jobs_deadline_ms: int = 30_000
    """How long a job that is due may take."""
    poll_ms: int = 500
    """How often cursors are compared, in case that a hint was lost: a loss is noticed at the second look."""

    log_level: str = "info"
    """debug also tells of every refused frame."""
    trace_ratio: float = Field(default=0, ge=0, le=1)
    """How many of all signals are traced; needs the extra `traces`."""

    max_clients: int = 12_000
    max_frame_bytes: int = 524_288
    """Of a client that has shown its license: all the specifications of a broker are one frame."""
    max_hello_bytes: int = 65_536
    """Of any other."""
    max_frame_items: int = 1_000
    """Signals, reports or holdings in one frame; as many positions in its snapshots."""
    max_specifications: int = 5_000
    connection_inflight: int = 2_000
    """Undecided signals, reports and the like of one connection; beyond it the gateway stops reading from it."""
    gateway_inflight: int = 50_000
    """The same over all connections; beyond it frames are refused with TRP09."""
    shed_ms: int = 50
    """When signals have waited so long for their turn, frames that only raise exposure are refused with TRP09, so that
    the closes of other streams need not wait behind them."""
    write_buffer_bytes: int = 262_144
    license_openings: int = 10
    """Sessions that one license may open within ten seconds: each ends the one before, and all of them are stored."""
    heartbeat_ms: int = 5_000
    hello_ms: int = 5_000
    idle_ms: int = 15_000
    stall_ms: int = 5_000
    """How long a reader may leave its buffer full, or a writer a frame unfinished."""
    drain_ms: int = 5_000
    """How long a stopping gateway waits for what it has read."""

    http: bool = False
    """Whether to serve the HTTP API, on the same host."""
    http_port: int = 7480
    http_database_url: str | None = None
    """Of a login that may become ecp_api, and the other roles whose scopes it is to serve; by default database_url."""
    http_connections: int = 4
    http_deadline_ms: int = 5_000
    """How long a request may take in the database."""
    http_query_ms: int = 10_000
    """The same for an analytics query, and for a check of the whole audit chain."""
    http_max_clients: int = 2_500
    http_max_body_bytes: int = 262_144
    http_body_ms: int = 5_000
    """How long a client may take to send its request, or to read a part of its answer."""
    http_rate: str = "100/second"
    """Requests with one token, and of one account; as the package `limits` writes it."""
    http_exchange_rate: str = "10/minute"
    """Exchanges of one license, each of which is stored."""
    http_guess_rate: str = "30/minute"
    """Tokens and licenses that are none, from one address."""
    http_proxies: str = ""
    """Addresses of proxies that are believed where a request came from, with commas between them."""
    http_scrapers: str = "127.0.0.0/8,::1/128"
    """Networks, with commas between them, that may read /metrics; for all others it is not there."""
