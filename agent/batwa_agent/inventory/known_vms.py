"""What must be remembered of VMs across a restart: their ids, ages and sizes. Files, so in threads."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from batwa_agent.disk import write_durably
from batwa_common.wire.vm import Vm

log = structlog.stdlib.get_logger(__name__)

_SHAPE = TypeAdapter(dict[str, Vm])


class KnownVms:
    """One JSON file of VMs, without what changes by the minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: dict[str, Vm] = {}

    async def load(self) -> dict[str, Vm]:
        """Return the VMs as last saved, in state `Unknown`; none if the file is absent or damaged."""
        self._saved = await asyncio.to_thread(self._read)
        return dict(self._saved)

    async def save(self, vms: Mapping[str, Vm]) -> None:
        """Remember *vms*; touches the disk only if something lasting changed."""
        passing = {"state": "Unknown", "ipv4": (), "running_since": None}
        lasting = {name: vm.model_copy(update=passing) for name, vm in vms.items()}
        if lasting != self._saved:
            await asyncio.to_thread(write_durably, self._path, _SHAPE.dump_json(lasting))
            self._saved = lasting

    def _read(self) -> dict[str, Vm]:
        try:
            return _SHAPE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as err:
            log.warning(
                "inventory.damaged", file=str(self._path), consequence="VM ids change", reason=str(err)
            )
            return {}
