/** Accounts: who may log in, what they may do, and where they are logged in. For administrators. */
import { queryOptions } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";
import type { ChangeUser, NewUser, User } from "./wire";

export const usersQuery = queryOptions({
  queryKey: keys.users,
  queryFn: () => answered(http.GET("/api/users")),
});

export function loginsOfQuery(name: string) {
  return queryOptions({
    queryKey: keys.loginsOf(name),
    queryFn: () => answered(http.GET("/api/users/{name}/sessions", of(name))),
  });
}

export function addUser(user: NewUser): Promise<User> {
  return answered(http.POST("/api/users", { body: user }));
}

export function changeUser(name: string, change: ChangeUser): Promise<User> {
  return answered(http.PATCH("/api/users/{name}", { ...of(name), body: change }));
}

/** With their sessions and tokens. */
export function removeUser(name: string): Promise<unknown> {
  return answered(http.DELETE("/api/users/{name}", of(name)));
}

/** Their tokens stay. */
export function logOutEverywhere(name: string): Promise<unknown> {
  return answered(http.DELETE("/api/users/{name}/sessions", of(name)));
}

/** For somebody who has lost their authenticator app. */
export function removeTotpOf(name: string): Promise<unknown> {
  return answered(http.DELETE("/api/users/{name}/totp", of(name)));
}

/** All of them: for somebody who has lost the device they are on. */
export function removePasskeysOf(name: string): Promise<unknown> {
  return answered(http.DELETE("/api/users/{name}/passkeys", of(name)));
}

function of(name: string) {
  return { params: { path: { name } } };
}
