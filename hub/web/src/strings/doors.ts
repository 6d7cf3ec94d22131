/** Words of the pages of those who have not logged in. */

export const doors = {
  login: {
    title: "Log in",
    username: "User name",
    password: "Password",
    submit: "Log in",
    code: "Code",
    codeHint: "The six digits of your authenticator app, or a recovery code.",
    needCode: "The code is needed as well.",
    startOver: "Log in as somebody else",
    needUsername: "Who are you?",
    needPassword: "A password is needed.",
    wait: (seconds: number, of: string) =>
      `Too many wrong ${of}. You can try again in ${seconds} s.`,
    or: "or",
    passkey: "Sign in with a passkey",
    noPasskey: "No passkey was used. Try again, or log in with your password.",
    signOn: (provider: string) => `Sign in with ${provider}`,
    signOnFailed: "You were not signed in",
    firstStartTitle: "This hub has no administrator yet",
    firstStart:
      "Open the link that the hub printed when it started. Lost it? On the hub's machine, this prints a new one:",
    firstStartCommand: "batwa-hub setup-link",
    ended: "You have been logged out. Log in to go on where you were.",
  },
  setup: {
    title: "Welcome to Batwa",
    lead: "Choose the password of the first administrator. The user name is",
    admin: "admin",
    password: "Password",
    again: "The same again",
    submit: "Set the password and log in",
    tooShort: (least: number) => `At least ${least} characters.`,
    differs: "The two are not the same.",
    noCodeTitle: "This link is incomplete",
    noCode: "Open the whole link that the hub printed, with everything behind the #.",
    toLogin: "To the login",
  },
} as const;
