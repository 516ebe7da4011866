"""The plane with everything that is done to it."""

from typing import Any, LiteralString

from tests.db.plane.copier import Copier
from tests.db.plane.gateway import Gateway
from tests.db.plane.master import Master
from tests.db.plane.operator import Operator
from tests.db.plane.sight import Sight
from tests.db.plane.values import KEY


class Plane(Operator, Gateway, Sight):
    """A deployed database, its clock, and a session for each who calls it."""

    def master(
        self,
        *,
        lane: int | None = None,
        account: int | None = None,
        ttl_ms: int = 500,
        rate: int = 100,
        burst: int = 100,
    ) -> Master:
        """A provider with a stream of EURUSD, opened by a live session."""
        account = account or self.account("provider", lane=lane)
        name = self.name("stream")
        query: LiteralString = "select signals.create_stream(%s, %s, %s, %s, %s, %s, %s::smallint)"
        stream = self.answer(query, account, name, KEY, ttl_ms, rate, burst, lane)
        self.define(stream, "EURUSD")
        master = Master(
            plane=self,
            account=account,
            stream=stream,
            name=name,
            lane=self.value("select lane from signals.streams where stream_id = %s", stream),
            license=self.license(account, "publish"),
        )
        master.connect()
        return master

    def copier(
        self,
        master: Master,
        *,
        lane: int | None = None,
        account: int | None = None,
        portfolio: int | None = None,
        **settings: Any,
    ) -> Copier:
        """A subscriber to the master's stream, resumed by a live session. Settings as signals.write_settings has."""
        account = account or self.account("subscriber", lane=lane)
        subscription = self.subscribe(account, master.stream, portfolio=portfolio, **settings)
        copier = Copier(
            plane=self,
            account=account,
            subscription=subscription,
            lane=self.value("select lane from signals.subscriptions where subscription_id = %s", subscription),
            license=self.license(account, "subscribe"),
        )
        copier.connect()
        return copier
