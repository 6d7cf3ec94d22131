import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "./client";
import { hasPasskeys, ofNobody } from "./passkeys";

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["hub.example.org", true],
  ["localhost", true],
  ["10.example.org", true],
  ["192.0.2.7", false],
  ["[2001:db8::7]", false],
])("a browser with passkeys has them at %s: %s", (host, has) => {
  vi.stubGlobal("PublicKeyCredential", { parseRequestOptionsFromJSON: () => ({}) });
  expect(hasPasskeys(host)).toBe(has);
});

test("without HTTPS, or in an old browser, there are none", () => {
  vi.stubGlobal("PublicKeyCredential", undefined);
  expect(hasPasskeys("hub.example.org")).toBe(false);
  vi.stubGlobal("PublicKeyCredential", {});
  expect(hasPasskeys("hub.example.org")).toBe(false);
});

test("who cancels has not failed; all else is told", () => {
  expect(ofNobody(new DOMException("no", "NotAllowedError"))).toBeNull();
  expect(() => ofNobody(new DOMException("The domain is wrong.", "SecurityError"))).toThrow(
    ApiError,
  );
});
