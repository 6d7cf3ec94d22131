"""The long-lived objects of a running hub, in one place and in start order."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import aiohttp
import ifaddr
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from cryptography.fernet import MultiFernet

from batwa_common import __version__
from batwa_common.errors import Unavailable
from batwa_common.supervisor import Supervisor
from batwa_common.tls import client_context

from .metrics import HubMetrics
from .secrets import KeyFile
from .services.accounts import Accounts
from .services.agents import Agents
from .services.audit.audit import LOOK_S as AUDIT_S
from .services.audit.audit import Audit
from .services.copies import Copies
from .services.destinations import Destinations
from .services.devices import Devices
from .services.events import Events, note_crash
from .services.first_start import FirstStart
from .services.fleet import Fleet
from .services.guesses import SWEEP_S, Guesses
from .services.inventory import Inventory
from .services.joining import Joining
from .services.keys import LOOK_S as KEYS_S
from .services.keys import AgentKeys
from .services.living import LOOK_S as LOGINS_S
from .services.operations import Operations
from .services.pace import Pace, Paces
from .services.passkeys import Passkeys
from .services.passwords import Passwords
from .services.peering.identity import open_identity
from .services.peering.messages import Messages
from .services.peering.p2p import P2p
from .services.peering.pairing import PairingCodes
from .services.peering.peers import Peers
from .services.peering.places import Places
from .services.peering.remote import RemoteVms
from .services.peering.replays import Replays
from .services.periodic import periodically
from .services.processes import BEAT_S, Processes
from .services.registry import Registry
from .services.second_factors import SecondFactors
from .services.sessions import Sessions
from .services.shares import Shares
from .services.sign_on import RoleRules, SignOn
from .services.terminals import Terminals
from .services.tokens import Tokens
from .services.users import Users
from .settings import Settings
from .store.agents import AgentStore
from .store.database import Database
from .store.operations import OperationStore
from .store.peers import PeerStore
from .tls.certificates import ServerTls
from .tls.served import served_tls
from .transport.directory import Directory
from .transport.discovery import Discovery, addresses_for
from .transport.links import LinkConnector, Links
from .transport.neighbours import Neighbours
from .transport.oidc import OidcProvider
from .transport.peers import Hubs
from .transport.relay import Relays
from .transport.resolver import GuardedResolver
from .transport.signing import Signatures

CONNECTIONS_PER_AGENT = 1024
"""Open connections to one agent, terminals and waits for operations included; further calls wait."""
RELINK_S = 5.0
"""How long a call waits for a link that is away: a restarted agent or hub has it back by then."""

CONNECTIONS_PER_HUB = 1024
"""The same for one other hub."""


@dataclass(frozen=True)
class Hub:
    """What a handler may reach. Made once by `running`, never changed."""

    database: Database
    accounts: Accounts
    sign_on: SignOn | None
    """None where no OpenID Connect provider is set."""
    second_factors: SecondFactors
    passkeys: Passkeys
    users: Users
    first_start: FirstStart
    sessions: Sessions
    tokens: Tokens
    keys: AgentKeys
    events: Events
    audit: Audit
    paces: Paces
    destinations: Destinations
    devices: Devices
    registry: Registry
    inventory: Inventory
    agents: Agents
    fleet: Fleet
    directory: Directory
    links: Links
    processes: Processes
    neighbours: Neighbours
    terminals: Terminals
    shares: Shares
    relays: Relays
    signatures: Signatures
    replays: Replays
    peers: Peers
    hubs: Hubs
    p2p: P2p
    messages: Messages
    places: Places
    remote: RemoteVms
    joining: Joining
    tls: ServerTls | None
    """What HTTPS is served with; None while the hub serves plain HTTP."""
    metrics: HubMetrics
    settings: Settings
    listens_where_told: bool
    """Whether a socket of the service manager decides where it listens, not `host` and `port`."""


HUB = web.AppKey("hub", Hub)


@asynccontextmanager
async def running(settings: Settings, *, listens_where_told: bool = False) -> AsyncIterator[Hub]:
    """Start a hub, yield it, stop it in reverse order.

    The supervisor owns every background task: one that dies takes the hub down with it, the
    process exits non-zero, and the service manager restarts a whole hub rather than keep a limping one.
    """
    metrics = HubMetrics()
    relink_s = min(RELINK_S, settings.agent.call_timeout_s / 2)
    links = Links(
        heartbeat_s=settings.agent.link_heartbeat_s,
        relink_s=relink_s,
        process_id=lambda: processes.id,
    )
    tls = await asyncio.to_thread(served_tls, settings)
    cipher = await asyncio.to_thread(lambda: KeyFile.find(settings.data_dir).open_cipher())
    neighbours = Neighbours(
        links,
        lambda: processes.others,
        cipher,
        process_id=lambda: processes.id,
        relink_s=relink_s,
        tls=await asyncio.to_thread(client_context, tls.bundle if tls is not None else None),
    )
    destinations, of_hubs = await asyncio.to_thread(_destinations, settings)
    by_link = LinkConnector(
        neighbours.connect,
        limit=0,
        limit_per_host=CONNECTIONS_PER_AGENT,
        resolver=GuardedResolver(destinations),
    )
    by_name = aiohttp.TCPConnector(
        limit=0, limit_per_host=CONNECTIONS_PER_HUB, resolver=GuardedResolver(of_hubs)
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.agent.call_timeout_s)
    async with (
        await Database.open(settings.store_url(), observe=metrics.store) as database,
        _session(by_link, timeout) as to_agents,
        _session(by_name, timeout) as to_hubs,
        _session(aiohttp.TCPConnector(), timeout) as to_provider,
        Supervisor() as writers,
        Supervisor() as tasks,
    ):
        keys = AgentKeys(database, cipher)
        sessions = Sessions(database, lifetime_s=settings.session.lifetime_s, idle_s=settings.session.idle_s)
        tokens = Tokens(database)
        passwords, on_change = Passwords(), (sessions.doubt, tokens.doubt)
        accounts = Accounts(database, passwords, on_change=on_change)
        users = Users(database, passwords, on_change=on_change)
        processes = Processes(
            database,
            version=__version__,
            on_lost=note_crash,
            links=links.__len__,
            ca=lambda: tls.fingerprint if tls is not None else None,
            on_gone=lambda process_id: _let_go(neighbours.forget(process_id), by_link, relays),
        )
        events = Events(
            database,
            keep=settings.event.keep,
            origin=processes.id,
            is_alone=lambda: not processes.others,
        )
        audit = Audit(database, keep=settings.audit.keep, keep_days=settings.audit.keep_days)
        store = AgentStore(database)
        registry = Registry(
            store,
            events,
            stale_after_s=settings.agent.stale_after_s,
            local_agent_id=settings.local_agent_id,
            is_shared=database.is_shared,
            leads=lambda: processes.leads,
        )
        inventory = Inventory(store, registry, events, is_shared=database.is_shared)
        registry.count_vms_with(inventory.count)
        directory = Directory(
            to_agents,
            row=registry.row_to_call,
            secret=keys.secret_of,
            tasks=tasks,
            timeout_s=settings.agent.call_timeout_s,
        )
        shares = Shares(database)
        relays = Relays(tasks, idle_timeout_s=settings.terminal.idle_timeout_s)
        ca = (lambda: tls.bundle) if tls is not None else (lambda: None)
        agents = Agents(registry, inventory, directory.port, tasks, ca=ca)
        operations = Operations(
            OperationStore(database),
            registry,
            directory.port,
            events,
            tasks,
            keep=settings.operation.keep,
            on_end=metrics.ended,
            owner=processes.id,
        )
        metrics.look_at(
            registry=registry,
            inventory=inventory,
            operations=operations,
            events=events,
            links=links,
            relays=relays,
        )
        fleet = Fleet(registry, inventory, operations, directory.port)
        identity = await asyncio.to_thread(open_identity, settings.data_dir / "identity.key")
        peer_store = PeerStore(database)
        peers = Peers(peer_store, events)
        signatures = Signatures(identity, peers.key_of)
        hubs = Hubs(to_hubs, signatures, timeout_s=settings.agent.call_timeout_s)
        at = await asyncio.to_thread(addresses_for, settings.host, settings.p2p.interfaces)
        own = identity.shown(settings.p2p.name or socket.gethostname(), __version__)
        p2p = P2p(
            identity,
            own,
            codes=PairingCodes(own, database, cipher),
            https=tls is not None,
            ca=ca,
            destinations=of_hubs,
            addresses=at,
            url=settings.p2p.url,
            port=settings.port,
            peers=peers,
            store=peer_store,
            hubs=hubs,
            discovery=Discovery(at) if settings.p2p.discovery else None,
            tasks=tasks,
        )
        messages = Messages(peer_store, events, info=p2p.info, vms=fleet.list_vms, ca=ca)
        events.tell_foreign(Copies(registry, inventory, operations, peers).follow)
        await processes.join()
        writers.spawn(events.run(), name="events")  # ends last: whatever ends before may still tell
        await events.position()  # what others write from here on is followed, what was before is loaded
        await peers.load()
        await registry.load()
        await inventory.load()
        await operations.resume([each.id for each in processes.living])
        if database.is_shared:
            claim = partial(_claim, operations, processes)
            tasks.spawn(events.follow(), name="others' events")
            tasks.spawn(periodically(processes.beat, every_s=BEAT_S), name="processes")
            tasks.spawn(periodically(claim, every_s=BEAT_S), name="others' operations")
        tasks.spawn(registry.run(heard=agents.heard_of), name="registry")
        tasks.spawn(periodically(sessions.look, every_s=LOGINS_S), name="sessions")
        tasks.spawn(periodically(tokens.look, every_s=LOGINS_S), name="tokens")
        tasks.spawn(periodically(keys.look, every_s=KEYS_S), name="keys")
        tasks.spawn(periodically(audit.look, every_s=AUDIT_S), name="audit")
        tasks.spawn(periodically(shares.look, every_s=LOGINS_S), name="shares")
        tasks.spawn(periodically(Guesses(database).sweep, every_s=SWEEP_S), name="guesses")
        tasks.spawn(metrics.watch_loop(), name="event loop lag")
        if tls is not None:
            tasks.spawn(tls.run(), name="certificate")
        tasks.spawn(periodically(relays.look, every_s=LOGINS_S), name="relays")
        try:
            yield Hub(
                database=database,
                accounts=accounts,
                sign_on=_sign_on(settings, to_provider, database, users, cipher),
                second_factors=SecondFactors(database, cipher),
                passkeys=Passkeys(database, cipher),
                users=users,
                first_start=FirstStart(accounts, cipher),
                sessions=sessions,
                tokens=tokens,
                keys=keys,
                events=events,
                audit=audit,
                paces=Paces(
                    Pace(per_minute=settings.limit.caller_per_minute),
                    Pace(per_minute=settings.limit.stranger_per_minute),
                ),
                devices=Devices(cipher),
                destinations=destinations,
                registry=registry,
                inventory=inventory,
                agents=agents,
                fleet=fleet,
                directory=directory,
                links=links,
                processes=processes,
                neighbours=neighbours,
                terminals=Terminals(registry, directory.shells),
                shares=shares,
                relays=relays,
                signatures=signatures,
                replays=Replays(database),
                peers=peers,
                hubs=hubs,
                p2p=p2p,
                messages=messages,
                places=Places(fleet, peers),
                remote=RemoteVms(p2p, peers, hubs),
                joining=Joining(database, keys, registry, approval=settings.join.approval, ca=ca),
                tls=tls,
                metrics=metrics,
                settings=settings,
                listens_where_told=listens_where_told,
            )
        finally:
            await p2p.close()
            if database.is_shared:
                with suppress(Unavailable):  # the others find out by themselves
                    await operations.release()
                    await processes.leave()
            with suppress(Unavailable):  # agents tell again that they live
                await registry.flush()
                await keys.look()


async def _claim(operations: Operations, processes: Processes) -> None:
    await operations.claim([each.id for each in processes.living])


def _let_go(through: Iterable[ResponseHandler], by_link: LinkConnector, relays: Relays) -> None:
    """Use connections no more that come through a process which stops, or is dead."""
    connections = list(through)
    relays.leave({each.transport for each in connections})
    by_link.let_go(connections)


def _session(connector: aiohttp.TCPConnector, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout)


def _destinations(settings: Settings) -> tuple[Destinations, Destinations]:
    """Return where agents and where other hubs may be. Blocks."""
    own = [str(ip.ip[0] if ip.is_IPv6 else ip.ip) for each in ifaddr.get_adapters() for ip in each.ips]
    allowed = settings.p2p.allowed_networks
    return (
        Destinations(allowed=settings.agent.allowed_networks, own=own, port=settings.port),
        Destinations(allowed=allowed, own=own, port=settings.port, of="hub", setting="p2p.allowed_networks"),
    )


def _sign_on(
    settings: Settings, session: aiohttp.ClientSession, database: Database, users: Users, cipher: MultiFernet
) -> SignOn | None:
    oidc = settings.oidc
    if oidc.issuer is None:
        return None
    provider = OidcProvider(
        session,
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        scopes=oidc.scopes,
    )
    rules = RoleRules(oidc.role_claim, oidc.roles, oidc.default_role)
    return SignOn(
        provider, database, users, cipher, rules, name_claim=oidc.name_claim, adopts=oidc.adopt_accounts
    )
