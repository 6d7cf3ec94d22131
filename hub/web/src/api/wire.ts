/** The shapes that cross the wire, by the names the hub gives them. Nothing here is written by hand. */
import type { components, paths } from "./wire.gen";

type Schemas = components["schemas"];

/** A method and a route of the hub, as the audit log names what was asked: `POST /api/vm/start`. */
export type RouteAction = {
  [Path in keyof paths]: {
    [Method in keyof paths[Path]]-?: paths[Path][Method] extends { responses: unknown }
      ? `${Uppercase<Method & string>} ${Path}`
      : never;
  }[keyof paths[Path]];
}[keyof paths];

export type Agent = Schemas["Agent"];
export type Event = Schemas["Event"];
export type Failure = Schemas["Failure"];
export type HostLoad = Schemas["HostLoad"];
export type ListedVm = Schemas["ListedVm"];
export type Operation = Schemas["Operation"];
export type IssuedShare = Schemas["IssuedShare"];
export type NewShare = Schemas["NewShare"];
export type OpenTerminal = Schemas["OpenTerminal"];
export type OperationKind = Operation["kind"];
export type OperationState = Operation["state"];
export type Problem = Schemas["Problem"];
export type Recording = Schemas["Recording"];
export type Share = Schemas["Share"];
export type Terminal = Schemas["Terminal"];
export type TerminalViewer = Schemas["TerminalViewer"];
export type VmDetails = Schemas["VmDetails"];
export type VmState = ListedVm["state"];
export type WhoAmI = Schemas["WhoAmI"];
export type Me = Schemas["Me"];
export type Role = Me["role"];
export type CreateVm = Schemas["CreateVm"];
export type ExecResult = Schemas["ExecResult"];
export type AuditOutcome = AuditRecord["outcome"];
export type AuditRecord = Schemas["AuditRecord"];
export type Candidate = Schemas["Candidate"];
export type ChangeAgent = Schemas["ChangeAgent"];
export type IssuedJoinToken = Schemas["IssuedJoinToken"];
export type JoinToken = Schemas["JoinToken"];
export type MachineKey = Schemas["AgentKey"];
export type NewJoinToken = Schemas["NewJoinToken"];
export type ChangeUser = Schemas["ChangeUser"];
export type IssuedToken = Schemas["IssuedToken"];
export type LocalPeer = Schemas["LocalPeer"];
export type Login = Schemas["Session"];
export type NewTotp = Schemas["NewTotp"];
export type NewToken = Schemas["NewToken"];
export type NewUser = Schemas["NewUser"];
export type PairingCode = Schemas["PairingCode"];
export type Peer = Schemas["Peer"];
export type InboxMessage = Schemas["InboxMessage"];
export type Passkey = Schemas["Passkey"];
export type Token = Schemas["Token"];
export type User = Schemas["User"];
export type VmResource = Schemas["VmResource"];
