"""Which recording is replayed in which situation, and which ones are not replayed and why.

Patterns are matched in order; the first that fits counts.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """How to come to what a recording shows."""

    before: tuple[str, ...] = ()
    """Commands to run first; `IMAGE` is an image file."""
    faults: dict[str, str] | None = None
    """In force during the recorded command only."""


EMPTY = Case()
RANDOM = Case(("launch --name triumphant-primate",))
FOO = Case(("launch --name foo",))
FOO_STOPPED = Case(("launch --name foo", "stop foo"))
FILE_FOO = Case(("launch file://IMAGE --name foo",))
FILE_STOPPED = Case(("launch file://IMAGE --name foo", "stop foo"))
FILE_SUSPENDED = Case(("launch file://IMAGE --name foo", "suspend foo"))
WEB = Case(("launch --name web",))
WEB_STOPPED = Case(("launch --name web", "stop web"))
FOO_WEB = Case(("launch file://IMAGE --name foo", "launch --name web"))
BOTH_STOPPED = Case((*FOO_WEB.before, "stop foo web"))
WEB_WITHOUT_FOO = Case((*FOO_WEB.before, "stop foo"))
FOO_WITHOUT_WEB = Case((*FOO_WEB.before, "stop web"))
SUSPENDED_AND_WEB = Case((*FOO_WEB.before, "suspend foo"))
MANY = Case(
    (
        "launch --name web",
        *(f"launch file://IMAGE --name {name}" for name in ("bar", "foo", "foo-clone1")),
        "stop bar foo foo-clone1",
    )
)
MANY_DELETED = Case((*MANY.before, "delete foo-clone1"))
NAMES = Case(
    (
        "launch --name web",
        *(f"launch file://IMAGE --name {name}" for name in ("foo", "a", "UpPer1", "a" * 63, "b" * 64)),
        *(f"launch file://IMAGE --name {name}" for name in ("c" * 65, "d" * 100)),
        "stop --all",
    )
)
C1_C2 = Case((*FOO_WEB.before, "launch --name c1", "launch --name c2"))
C2_DOWN = Case((*C1_C2.before, "stop web c2"))
DELAYED = Case((*C2_DOWN.before, "stop --time 5 c1"))
BOOTING = "launch --name {} MULTIPASS_SIM_BOOT_S=600"
C1_BOOTING = Case((*FOO_WEB.before, BOOTING.format("c1")))
BOTH_BOOTING = Case((*C1_BOOTING.before, BOOTING.format("c2")))
C1_STARTING = Case((*C2_DOWN.before, "stop c1", "start c1 MULTIPASS_SIM_START_S=600"))
K1_DELETED = Case((*FOO_WEB.before, "launch --name k1", "launch --name k2", "delete k1"))
K1_RECOVERED = Case((*K1_DELETED.before, "delete --purge k2", "recover k1"))
BLANK = Case((*BOTH_STOPPED.before, "launch file://IMAGE --name blank MULTIPASS_SIM_FAIL_LAUNCH=Starting"))
DOWN = Case(faults={"DOWN": "1"})
STRANGER = Case(faults={"UNAUTHENTICATED": "1"})
FROZEN = Case(FOO_WEB.before, {"FROZEN": "foo"})

REPLAYED: tuple[tuple[str, Case], ...] = (
    ("01-*", EMPTY),
    ("02-*", EMPTY),
    ("03-*", EMPTY),
    ("04-find*", EMPTY),
    ("05-*", EMPTY),
    ("06-get-*", EMPTY),
    ("07-*", EMPTY),
    ("08-*", EMPTY),
    ("09-exec-*", EMPTY),
    ("09-shell-*", EMPTY),
    ("11-launch-http-unreachable", Case(faults={"FAIL_LAUNCH": "Creating"})),
    ("11-*", EMPTY),
    ("12-daemon-crash-during-launch", Case(faults={"CRASH": "Preparing image"})),
    ("20-*", EMPTY),
    ("21-*", FOO),
    ("22-exec-exit[13]", WEB),
    ("22-exec-exit12?", WEB),
    ("22-exec-exit5", WEB),
    ("22-*", FOO),
    ("27-list-*", WEB_WITHOUT_FOO),
    ("27-*", FILE_STOPPED),
    ("29-list-several-*", MANY),
    ("30-list-after-delete-mixed", BOTH_STOPPED._replace(before=WEB_WITHOUT_FOO.before)),
    ("30-list-after-purge", WEB_WITHOUT_FOO),
    ("30-list-after-delete-two", Case((*MANY_DELETED.before, "delete --purge foo-clone1", "delete bar"))),
    ("30-list-recovered", MANY),
    ("30-*", MANY_DELETED),
    ("31-launch-download-tty", EMPTY),
    ("32-list-*", FOO_WEB),
    ("32-*", FILE_FOO),
    ("33-exec-stopped-nontty", WEB_STOPPED),
    ("33-*", FOO_STOPPED),
    ("34-list-*", SUSPENDED_AND_WEB),
    ("34-*", FILE_SUSPENDED),
    ("34-suspend-*tty", FOO),
    ("35-*", FOO),
    ("36-relaunch-k1", Case(("launch --name k1",))),
    ("37-list-after-delete-running", K1_DELETED),
    ("37-list-after-recover", K1_RECOVERED),
    ("37-*", K1_DELETED),
    (
        "38-launch-*",
        Case(faults={"FAIL_LAUNCH": "Verifying image"}),
    ),
    ("38-list-*", FOO_WEB),
    ("39-launch-parallel-*", WEB),
    ("39-*-during-creating", EMPTY),
    ("39-list-after", C1_C2),
    ("39-list*", BOTH_BOOTING),
    ("39-*", C1_BOOTING),
    ("40-stop-two", C1_C2),
    ("40-*", C2_DOWN),
    ("41-list-cancelled", C2_DOWN),
    ("41-stop-delayed", C2_DOWN),
    ("41-*", DELAYED),
    ("42-start-*", Case(("launch --name c1", "stop c1"))),
    ("42-resume-*", Case(("launch --name c1", "suspend c1"))),
    ("42-*", Case(("launch --name c1",))),
    ("43-start-timeout-3", Case((*C2_DOWN.before, "stop c1"), {"START_S": "600"})),
    ("43-list-after-*", C1_STARTING),
    ("43-stop-in-unknown-state", C1_STARTING),
    ("43-stop-force-unknown", C1_STARTING),
    ("43-stop-force", C2_DOWN),
    ("43-*", Case((*C2_DOWN.before, "stop c1"))),
    ("50-*", DOWN),
    ("51-stale-*", DOWN),
    (
        "52-*",
        Case(
            (
                *WEB_STOPPED.before,
                "launch file://IMAGE --name foo",
                "stop foo",
                "start foo MULTIPASS_SIM_START_S=600",
            )
        ),
    ),
    ("53-auth-list", FOO_WITHOUT_WEB),
    ("53-*", STRANGER),
    ("54-*", STRANGER),
    ("60-list-no-ipv4", FOO_WEB),
    ("61-thawed-list", FOO_WEB),
    ("61-*", FROZEN),
    ("62-list-*", NAMES),
    ("63-launch-network-nontty", EMPTY),
    ("64-start-*", Case(WEB.before, {"BOOT_S": "600"})),
    ("64-list-after-start-primary", Case((*BOTH_STOPPED.before, BOOTING.format("primary")))),
    ("64-delete-primary", Case((BOOTING.format("primary"),))),
    ("64-list-*", BOTH_STOPPED),
    ("65-*", FOO),
    ("69-qemu-killed-list", Case((*BLANK.before, "start foo"))),
    ("69-qemu-killed-info", WEB_STOPPED),
    ("69-*", FOO),
    ("71-launch-never-boots", Case(faults={"FAIL_LAUNCH": "Starting"})),
    ("71-*", BLANK),
    ("72-*", BOTH_STOPPED),
    ("73-list-*", Case((*BOTH_STOPPED.before, BOOTING.format("triumphant-primate")))),
    ("73-delete-*", RANDOM),
    ("73-launch-*", Case(WEB.before, {"BOOT_S": "600"})),
    ("75-*", BOTH_STOPPED),
)

ELSEWHERE = {
    "22-exec-exit4-loops*": "killed after it has looped: test_shells.py",
    "22-exec-tty-cat": "interactive: test_shells.py",
    "22-exec-tty-ctrlc": "interactive: test_shells.py",
    "23-*": "interactive: test_shells.py",
    "31-parallel-during-launch": "not one command: test_launching.py polls a launch",
    "34-shell-suspended-tty": "interactive: test_shells.py",
    "36-launch-*": "killed: test_launching.py kills a launch in each phase",
    "39-start-during-starting": "waits for a boot: test_launching.py",
    "39-launch-same-name-during-creating": "beside another launch: test_launching.py",
    "51-daemon-hung-*": "never returns: test_faults.py",
    "61-frozen-exec": "never returns: test_faults.py",
    "61-frozen-info": "never returns: test_faults.py",
    "61-frozen-list": "returns when thawed: test_faults.py",
    "61-frozen-pending-*": "never returns: test_faults.py",
    "66-*": "not one command: test_launching.py",
    "67-*": "two commands: test_shells.py",
    "68-*": "two commands: test_shells.py",
    "71-stop-after": "never returns: test_faults.py",
    "71-delete-after": "never returns: test_faults.py",
}

NOT_SIMULATED = {
    "00-*": "a daemon that has never been started",
    "04-find-nonetwork*": "the image list needs no network here",
    "06-get-primary-after": "needs `set`, which is not simulated",
    "06-set-*": "`set` is not simulated",
    "09-[cmrstu]*-nonexistent": "clone, mount, restore, snapshot, transfer and umount are not simulated",
    "10-*": "aliases are not simulated",
    "12-launch-nonetwork-logs": "log lines of a daemon without network",
    "2[145678]-*snapshot*": "snapshots are not simulated",
    "21-clone-*": "clones are not simulated",
    "21-set-*": "`set` is not simulated",
    "22-exec-env": "the groups and the empty LANG of a real guest",
    "22-exec-tty-env": "the number of the guest's terminal",
    "22-exec-tty-splitstderr": "stderr of an exec on a terminal is the program's own here",
    "24-*": "`transfer` is not simulated",
    "25-*": "aliases are not simulated",
    "26-*": "mounts are not simulated",
    "27-mount-*": "mounts are not simulated",
    "27-umount-*": "mounts are not simulated",
    "27-set-*": "`set` is not simulated",
    "27-transfer-*": "`transfer` is not simulated",
    "28-*": "snapshots are not simulated",
    "29-clone-*": "clones are not simulated",
    "29-info-all*": "counts snapshots",
    "34-info-suspended*": "counts snapshots",
    "34-snapshot-*": "snapshots are not simulated",
    "34-transfer-*": "`transfer` is not simulated",
    "34-uptime-*": "uptime is this machine's",
    "36-exec-on-killed-launch": "cloud-init does not run here",
    "39-transfer-*": "`transfer` is not simulated",
    "50-down-alias*": "aliases are not simulated",
    "50-down-authenticate": "`authenticate` is not simulated",
    "50-down-clone": "clones are not simulated",
    "50-down-mount": "mounts are not simulated",
    "50-down-restore": "snapshots are not simulated",
    "50-down-set*": "`set` is not simulated",
    "50-down-snapshot": "snapshots are not simulated",
    "50-down-transfer": "`transfer` is not simulated",
    "50-down-u*": "mounts and aliases are not simulated",
    "53-*pass*": "`set` and `authenticate` are not simulated",
    "53-unauth-authenticate*": "`authenticate` is not simulated",
    "60-verbose-*": "log lines about an image that is no longer published",
    "61-frozen-find": "one description differs from the other recordings of the same list",
    "62-clone-*": "clones are not simulated",
    "63-launch-network-prompt-no-tty": "bridges, and so the question about them, are not simulated",
    "67b-*": "latencies of the real daemon",
    "70-timings": "latencies of the real program",
    "75-*": "counts snapshots",
    "76-*": "there is no socket whose address could be set",
    "77-no-home": "clients are not told apart by HOME; MULTIPASS_SIM_UNAUTHENTICATED has the same answer",
}
