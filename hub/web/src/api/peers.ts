/** Other hubs: found, paired, trusted; and their VMs. */
import { queryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { PairingCode, Role } from "./wire";

/** Hubs are found and lost without an event. */
const LOOK_EVERY_MS = 5_000;
const VMS_EVERY_MS = 10_000;

/** This hub as others see it. */
export const thisHubQuery = queryOptions({
  queryKey: keys.thisHub,
  queryFn: () => answered(http.GET("/api/p2p/info")),
});

/** Trusted hubs. The hub tells its own agents as well; they are machines here. */
export const peersQuery = queryOptions({
  queryKey: keys.peers,
  queryFn: async () =>
    (await answered(http.GET("/api/p2p/peers"))).peers.filter((peer) => peer.kind === "hub"),
  refetchInterval: LOOK_EVERY_MS,
});

/** The newest messages of other hubs; an event tells of each. */
export const inboxQuery = queryOptions({
  queryKey: keys.inbox,
  queryFn: async () => (await answered(http.GET("/api/p2p/inbox"))).messages,
});

/** Hubs that were found, and the addresses looked at. */
export const candidatesQuery = queryOptions({
  queryKey: keys.candidates,
  queryFn: () => answered(http.GET("/api/p2p/candidates")),
  refetchInterval: LOOK_EVERY_MS,
});

/** A hub that does not answer gives its last known list. */
export function remoteVmsQuery(peerId: string) {
  return queryOptions({
    queryKey: keys.remoteVms(peerId),
    queryFn: () =>
      answered(http.GET("/api/remote/{peer_id}/vm", { params: { path: { peer_id: peerId } } })),
    refetchInterval: VMS_EVERY_MS,
  });
}

export function startRemoteVm(peerId: string, vmId: string): Promise<unknown> {
  return answered(http.POST("/api/remote/{peer_id}/vm/{vm_id}/start", remote(peerId, vmId)));
}

export function stopRemoteVm(peerId: string, vmId: string): Promise<unknown> {
  return answered(
    http.POST("/api/remote/{peer_id}/vm/{vm_id}/stop", { ...remote(peerId, vmId), body: {} }),
  );
}

/** Announces this hub, looks for others and answers them. */
export function startServices(): Promise<unknown> {
  return answered(http.POST("/api/p2p/start"));
}

/** What other hubs have open here ends. */
export function stopServices(): Promise<unknown> {
  return answered(http.POST("/api/p2p/stop"));
}

/** For the administrator of another hub, which may do here what `role` says. */
export function makePairingCode(role: Role): Promise<PairingCode> {
  return answered(http.POST("/api/p2p/pairing-codes", { body: { role } }));
}

/** Uses a code that was made at the hub at `address`. */
export function pair(asked: { address: string; code: string; role: Role }): Promise<unknown> {
  return answered(http.POST("/api/p2p/pair", { body: asked }));
}

/** Trusts a hub whose fingerprint was compared. */
export function trust(peerId: string, fingerprint: string, role: Role): Promise<unknown> {
  return answered(http.POST("/api/p2p/trust", { body: { peer_id: peerId, fingerprint, role } }));
}

export function changePeer(id: string, role: Role): Promise<unknown> {
  return answered(http.PATCH("/api/p2p/peers/{id}", { params: { path: { id } }, body: { role } }));
}

/** Trusts it no longer; its open terminals end at once. */
export function removePeer(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/p2p/peers/{id}", { params: { path: { id } } }));
}

/** Looks for a hub there, for networks without multicast. */
export function lookAt(address: string): Promise<unknown> {
  return answered(http.POST("/api/p2p/static", { body: { address } }));
}

export function lookNoLonger(address: string): Promise<unknown> {
  return answered(http.DELETE("/api/p2p/static/{address}", { params: { path: { address } } }));
}

function remote(peerId: string, vmId: string) {
  return { params: { path: { peer_id: peerId, vm_id: vmId } } };
}
