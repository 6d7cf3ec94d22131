"""`batwa agent`: the machines of the fleet, and the keys they come with."""

from typing import Annotated

import typer

from batwa_common.wire.agent import Agent

from .connection import hub
from .joining import add, tokens
from .show import Json, age, as_json, details, remark, say, table, tell

app = typer.Typer(no_args_is_help=True, add_completion=False)
keys = typer.Typer(no_args_is_help=True, help="The keys agents come with.")
app.add_typer(keys, name="key")
app.add_typer(tokens, name="token")
app.command("add")(add)

AgentId = Annotated[str, typer.Argument(metavar="ID", help="Id of the agent.")]


@app.command("ls")
def list_agents(ctx: typer.Context, json: Json = False) -> None:
    """List agents."""
    with hub(ctx) as client:
        agents = client.list_agents()
    if json:
        as_json(agents)
    else:
        table(("ID", "HOST", "STATUS", "VMS", "SEEN", "VERSION", "DRIVER", "TAGS"), map(_row, agents))


@app.command("info")
def info(ctx: typer.Context, agent_id: AgentId, json: Json = False) -> None:
    """Show one agent."""
    with hub(ctx) as client:
        agent = client.get_agent(agent_id)
    if json:
        as_json(agent)
    else:
        _details(agent)


@app.command("rm")
def remove(ctx: typer.Context, agent_id: AgentId, json: Json = False) -> None:
    """Forget an agent; its VMs go on, and it may come back with its key."""
    with hub(ctx) as client:
        done = client.unregister_agent(agent_id)
    tell(done, done.message, json=json)


@app.command("approve")
def approve(ctx: typer.Context, agent_id: AgentId, json: Json = False) -> None:
    """Let a machine that has joined and waits be used."""
    with hub(ctx) as client:
        agent = client.approve_agent(agent_id)
    tell(agent, f"{agent.agent_id} may be used; it is {agent.status}.", json=json)


@app.command("rename")
def rename(
    ctx: typer.Context,
    agent_id: AgentId,
    name: Annotated[str, typer.Argument(help="What people are to call it; '' for its host name.")],
    json: Json = False,
) -> None:
    """Call an agent something else; its id stays."""
    with hub(ctx) as client:
        agent = client.change_agent(agent_id, name=name)
    tell(agent, f"{agent.agent_id} is now {agent.hostname}.", json=json)


@keys.command("ls")
def list_keys(ctx: typer.Context, json: Json = False) -> None:
    """List keys, without their secrets."""
    with hub(ctx) as client:
        found = client.list_agent_keys()
    if json:
        as_json(found)
    else:
        rows = [(key.id, key.name, key.agent_id, key.created_at, key.last_used_at) for key in found]
        table(("ID", "NAME", "AGENT", "CREATED", "LAST USED"), rows)


@keys.command("new")
def new_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    agent_id: Annotated[
        str | None,
        typer.Option("--agent", "-a", metavar="ID", help="Only for this agent; else the first user."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and print it, this once."""
    with hub(ctx) as client:
        key = client.create_agent_key(name, agent_id=agent_id)
    if json:
        as_json(key)
    else:
        say(key.api_key)
        remark("Set it as BATWA_AGENT_API_KEY on that machine; it is not shown again.")


@keys.command("rm")
def remove_key(
    ctx: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False
) -> None:
    """Revoke a key."""
    with hub(ctx) as client:
        done = client.delete_agent_key(key_id)
    tell(done, done.message, json=json)


def _driver(agent: Agent) -> str:
    if agent.driver is None:
        return ""
    kind = " (simulated)" if agent.driver.simulated else ""
    problem = f": {agent.driver.problem}" if agent.driver.problem else ""
    return f"{agent.driver.name} {agent.driver.version or ''}{kind}{problem}"


def _row(agent: Agent) -> tuple[object, ...]:
    seen = age(agent.silence_s)
    first = (agent.agent_id, agent.hostname, agent.status, agent.vm_count, seen)
    return (*first, _version(agent), _driver(agent), agent.tags)


def _version(agent: Agent) -> str:
    return f"{agent.version or ''}{f' ({agent.skew} than the hub)' if agent.skew else ''}"


def _details(agent: Agent) -> None:
    load = agent.load
    details(
        (
            ("Id", agent.agent_id),
            ("Host", agent.hostname),
            ("Status", agent.status),
            ("Address", agent.api_url),
            ("Last seen", agent.last_seen),
            ("VMs", agent.vm_count),
            ("Tags", agent.tags),
            ("Version", _version(agent)),
            ("Driver", _driver(agent)),
            ("Load", load.load if load else None),
            ("Memory", f"{load.memory_used_bytes / load.memory_bytes:.0%} used" if load else None),
            ("Disk", f"{load.disk_used_bytes / load.disk_bytes:.0%} used" if load else None),
        )
    )
