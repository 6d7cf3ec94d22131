import { afterEach, expect, test, vi } from "vitest";
import { refusalIn, takeRefusal } from "./refusal";

const TOLD = { status: 403, code: "forbidden", detail: "You have no rôle; ask.", request_id: "7f" };
const cookie = (told: unknown) => `sign_on_refused=${encodeURIComponent(JSON.stringify(told))}`;

afterEach(() => vi.unstubAllGlobals());

test("what the hub left is a failure with its sentence and id", () => {
  const refusal = refusalIn(`a=1; ${cookie(TOLD)}; b=2`);
  expect(refusal).toMatchObject({
    message: TOLD.detail,
    code: "forbidden",
    status: 403,
    requestId: "7f",
  });
});

test.each([
  "",
  "another=1",
  "not_sign_on_refused=1",
  "sign_on_refused=",
  "sign_on_refused=%",
  "sign_on_refused=null",
  cookie("text"),
  cookie({ detail: "no code" }),
  cookie({ ...TOLD, detail: { html: "" } }),
])("%s tells nothing", (cookies) => {
  expect(refusalIn(cookies)).toBeNull();
});

test("what there is to tell is taken once", () => {
  const page = { cookie: cookie(TOLD) };
  vi.stubGlobal("document", page);
  expect(takeRefusal()?.message).toBe(TOLD.detail);
  expect(page.cookie).toMatch(/^sign_on_refused=; .*Max-Age=0/);
  expect(takeRefusal()).toBeNull();
});
