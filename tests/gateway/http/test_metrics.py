"""/metrics is told to Prometheus, and is not there for anybody else."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.http.server import Http
from gateway.settings import Settings
from tests.gateway.conftest import Market, Start
from tests.gateway.http.conftest import Start as StartHttp
from tests.gateway.http.console.conftest import sign_in

pytestmark = pytest.mark.core


async def scraped(url: str) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        sample.name: sample.value for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }


async def test_the_api_alone_tells_of_the_plane(http: Http) -> None:
    told = await scraped(http.url)
    assert told["ecp_database_up"] == 1
    assert "ecp_connections" not in told


async def test_the_api_tells_of_itself(http: Http, web: httpx.AsyncClient, market: Market) -> None:
    await sign_in(web, http, market)
    async with web.stream("GET", "/console/live") as answer:
        assert answer.status_code == 200
        told = await scraped(http.url)
    assert told["ecp_http_watchers"] == 1
    assert told["ecp_http_clients"] == 2
    assert told["ecp_http_requests_total"] > 0
    assert told["ecp_http_pool_connections"] > 0, "of which some are idle"


async def test_beside_a_gateway_it_tells_of_that_too(gateway_dsn: str, http_dsn: str, start: Start) -> None:
    gateway = await start()
    settings = Settings(http=True, http_port=0, drain_ms=1_000, database_url=gateway_dsn, http_database_url=http_dsn)
    http = Http(settings, None, gateway)
    await http.start()
    try:
        told = await scraped(http.url)
    finally:
        await http.stop()
    assert told["ecp_listener_silence_seconds"] < 3
    assert "ecp_connections" in told


async def test_from_other_networks_there_is_nothing(start_http: StartHttp) -> None:
    http = await start_http(http_scrapers="10.0.0.0/8")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{http.url}/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "TRW02")
