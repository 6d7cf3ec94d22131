"""Run the command line: the only place that turns failures into sentences and exit codes."""

import sys

from batwa_common.errors import BatwaError, HubMisbehaved, HubNotTrusted, HubUnreachable

try:
    from .app import command
except ModuleNotFoundError as missing:  # the extra is not installed
    raise SystemExit(
        f"batwa: {missing.name} is missing; install the command with: pip install 'batwa-common[cli]'"
    ) from None

FAILED, NOT_ALLOWED, NOT_FOUND, UNREACHABLE = 1, 3, 4, 5
"""Exit codes; 0 is success and 2 a wrong command line."""
_BY_STATUS = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND}


def main() -> None:
    """Run, and exit with the code that says how it went."""
    try:
        command().main(prog_name="batwa")
    except BatwaError as err:
        request = f" (request {err.request_id})" if err.request_id else ""
        sys.stderr.write(f"batwa: {err}{request}\n")
        sys.exit(exit_code(err))
    except (OSError, TimeoutError) as err:
        sys.stderr.write(f"batwa: {err}\n")
        sys.exit(FAILED)


def exit_code(err: BatwaError) -> int:
    """Return the exit code for a failure."""
    if isinstance(err, HubUnreachable | HubMisbehaved | HubNotTrusted):
        return UNREACHABLE
    return _BY_STATUS.get(err.status, FAILED)


if __name__ == "__main__":
    main()
