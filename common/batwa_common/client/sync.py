"""`SyncRESTClient`: the same client for code without an event loop. Each method is the asynchronous one."""

import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from .http import REQUEST_TIMEOUT_S
from .portal import Iterating, Portal, Waiting
from .rest import DEFAULT_URL, RESTClient
from .retries import Backoff
from .terminals import Terminal


class SyncTerminal:
    """A `Terminal`, waited for. `for chunk in terminal` gives the output until the shell has ended."""

    def __init__(self, portal: Portal, terminal: Terminal) -> None:
        self.portal = portal
        self.original = terminal

    read = Waiting(Terminal.read)
    write = Waiting(Terminal.write)
    resize = Waiting(Terminal.resize)
    close = Waiting(Terminal.close)

    @property
    def close_code(self) -> int | None:
        """How it ended: 1000 when the shell did; None while it is open."""
        return self.original.close_code

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SyncRESTClient:
    """`RESTClient`, waited for: the same arguments, methods, answers and exceptions.

    Use it as `with SyncRESTClient(…) as client`, or call `close` when done. Several threads may use one.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        session_id: str | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        retries: int = Backoff.tries,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.original = RESTClient(
            base_url,
            token=token,
            username=username,
            password=password,
            session_id=session_id,
            timeout_s=timeout_s,
            retries=retries,
            tls=tls,
        )
        self.portal = Portal()

    @property
    def base_url(self) -> str:
        """The hub."""
        return self.original.base_url

    @property
    def session_id(self) -> str | None:
        """The session of the login, if there is one: a secret."""
        return self.original.session_id

    def open_terminal(self, vm_name: str, **where: Any) -> SyncTerminal:
        """Start a shell in a VM; *where* is as for `RESTClient.open_terminal`."""
        return SyncTerminal(self.portal, self.portal.call(self.original.open_terminal(vm_name, **where)))

    def close(self) -> None:
        """Close the connections and end the thread."""
        self.portal.call(self.original.close())
        self.portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    list_vms = Waiting(RESTClient.list_vms)
    create_vm = Waiting(RESTClient.create_vm)
    get_vm_status = Waiting(RESTClient.get_vm_status)
    get_vm = Waiting(RESTClient.get_vm)
    get_vm_info = Waiting(RESTClient.get_vm_info)
    start_vm = Waiting(RESTClient.start_vm)
    stop_vm = Waiting(RESTClient.stop_vm)
    restart_vm = Waiting(RESTClient.restart_vm)
    suspend_vm = Waiting(RESTClient.suspend_vm)
    recover_vm = Waiting(RESTClient.recover_vm)
    delete_vm = Waiting(RESTClient.delete_vm)
    exec_vm = Waiting(RESTClient.exec_vm)
    submit = Waiting(RESTClient.submit)

    list_operations = Waiting(RESTClient.list_operations)
    get_operation = Waiting(RESTClient.get_operation)
    cancel_operation = Waiting(RESTClient.cancel_operation)
    follow_operation = Iterating(RESTClient.follow_operation)
    wait_operation = Waiting(RESTClient.wait_operation)

    list_remote_vms = Waiting(RESTClient.list_remote_vms)
    create_remote_vm = Waiting(RESTClient.create_remote_vm)
    start_remote_vm = Waiting(RESTClient.start_remote_vm)
    stop_remote_vm = Waiting(RESTClient.stop_remote_vm)
    delete_remote_vm = Waiting(RESTClient.delete_remote_vm)

    get_local_peer_info = Waiting(RESTClient.get_local_peer_info)
    get_peers = Waiting(RESTClient.get_peers)
    start_p2p_services = Waiting(RESTClient.start_p2p_services)
    stop_p2p_services = Waiting(RESTClient.stop_p2p_services)
    get_peer_info = Waiting(RESTClient.get_peer_info)
    list_peers = Waiting(RESTClient.list_peers)
    start_p2p = Waiting(RESTClient.start_p2p)
    stop_p2p = Waiting(RESTClient.stop_p2p)
    send_message = Waiting(RESTClient.send_message)
    list_candidates = Waiting(RESTClient.list_candidates)
    create_pairing_code = Waiting(RESTClient.create_pairing_code)
    pair = Waiting(RESTClient.pair)
    trust_peer = Waiting(RESTClient.trust_peer)
    set_peer_role = Waiting(RESTClient.set_peer_role)
    remove_peer = Waiting(RESTClient.remove_peer)
    add_static_peer = Waiting(RESTClient.add_static_peer)
    remove_static_peer = Waiting(RESTClient.remove_static_peer)
    get_inbox = Waiting(RESTClient.get_inbox)

    list_agents = Waiting(RESTClient.list_agents)
    get_agent = Waiting(RESTClient.get_agent)
    unregister_agent = Waiting(RESTClient.unregister_agent)
    approve_agent = Waiting(RESTClient.approve_agent)
    change_agent = Waiting(RESTClient.change_agent)
    create_join_token = Waiting(RESTClient.create_join_token)
    list_join_tokens = Waiting(RESTClient.list_join_tokens)
    delete_join_token = Waiting(RESTClient.delete_join_token)
    create_agent_key = Waiting(RESTClient.create_agent_key)
    list_agent_keys = Waiting(RESTClient.list_agent_keys)
    delete_agent_key = Waiting(RESTClient.delete_agent_key)

    watch_events = Iterating(RESTClient.watch_events)

    login = Waiting(RESTClient.login)
    logout = Waiting(RESTClient.logout)
    check_auth = Waiting(RESTClient.check_auth)
    get_me = Waiting(RESTClient.get_me)
    change_password = Waiting(RESTClient.change_password)
    begin_totp = Waiting(RESTClient.begin_totp)
    confirm_totp = Waiting(RESTClient.confirm_totp)
    renew_recovery_codes = Waiting(RESTClient.renew_recovery_codes)
    remove_totp = Waiting(RESTClient.remove_totp)
    list_sessions = Waiting(RESTClient.list_sessions)
    end_session = Waiting(RESTClient.end_session)
    end_sessions = Waiting(RESTClient.end_sessions)
    create_token = Waiting(RESTClient.create_token)
    list_tokens = Waiting(RESTClient.list_tokens)
    delete_token = Waiting(RESTClient.delete_token)
    list_audit = Waiting(RESTClient.list_audit)
    list_users = Waiting(RESTClient.list_users)
    create_user = Waiting(RESTClient.create_user)
    change_user = Waiting(RESTClient.change_user)
    reset_second_factor = Waiting(RESTClient.reset_second_factor)
    delete_user = Waiting(RESTClient.delete_user)
