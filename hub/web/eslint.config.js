/** What the compiler does not see. Formatting is prettier's business. */
import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const TEXT_ONLY = {
  selector:
    "JSXAttribute[name.name='dangerouslySetInnerHTML'], MemberExpression[property.name=/^(inner|outer)HTML$/]",
  message: "What machines say is text, never markup.",
};
const NO_DIALOGS = {
  selector: "CallExpression[callee.name=/^(alert|confirm|prompt)$/]",
  message: "Use a modal or a notification.",
};

export default defineConfig(
  { ignores: ["src/api/wire.gen.ts", "node_modules"] },
  {
    files: ["src/**/*.{ts,tsx}", "vite.config.ts"],
    extends: [tseslint.configs.recommendedTypeChecked, hooks.configs.flat["recommended-latest"]],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-console": "error",
      "react-hooks/incompatible-library": "off", // about the React compiler, which is not used
      "no-restricted-syntax": ["error", TEXT_ONLY, NO_DIALOGS],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/only-throw-error": [
        "error",
        { allow: [{ from: "package", package: "@tanstack/router-core", name: "Redirect" }] },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    files: ["src/pages/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@/pages/*", "../*/**"],
              message: "No page imports another: put what two need into ui/.",
            },
          ],
        },
      ],
    },
  },
);
