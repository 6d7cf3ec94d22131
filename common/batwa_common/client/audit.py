"""Who did what: the audit log."""

from collections.abc import Mapping

from batwa_common.wire.audit import AuditPage

from .noun import Noun


class AuditMethods(Noun):
    """The audit log, which admins may read."""

    async def list_audit(
        self, only: Mapping[str, str] | None = None, *, limit: int = 100, before: int | None = None
    ) -> AuditPage:
        """Return records, newest first; *only* is what `AuditFilter` has, such as `{"who": "admin"}`.

        Pass `next` of the answer as *before* for the page after.
        """
        query = {**(only or {}), "limit": str(limit), **({} if before is None else {"before": str(before)})}
        return await self._http.ask(AuditPage, "GET", "/api/audit", query=query)
