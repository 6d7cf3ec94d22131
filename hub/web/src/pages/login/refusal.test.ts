import { expect, test } from "vitest";
import { refusalIn, takeRefusal } from "./refusal";

const TOLD = { status: 403, code: "forbidden", detail: "You have no rôle; ask.", request_id: "7f" };
const cookie = (told: unknown) => `sign_on_refused=${encodeURIComponent(JSON.stringify(told))}`;

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

test("where there is nothing to tell, nothing is taken", () => {
  expect(takeRefusal()).toBeNull();
});
