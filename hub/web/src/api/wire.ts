/** The shapes that cross the wire, by the names the hub gives them. Nothing here is written by hand. */
import type { components } from "./wire.gen";

type Schemas = components["schemas"];

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
