/** What people call the program behind a `User-Agent`. It says of itself what it likes: a hint, no proof. */

/** The order matters: nearly all browsers say that they are Chrome and Safari as well. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** `Firefox on Linux`; the first word of what is no browser; null when it says nothing. */
export function clientOf(agent: string | null): string | null {
  if (!agent) return null;
  const browser = BROWSERS.find(([sign]) => sign.test(agent))?.[1];
  if (browser === undefined) return agent.split(/\s/, 1)[0] ?? null;
  const system = SYSTEMS.find(([sign]) => sign.test(agent))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}
