import tseslint from "typescript-eslint";

/** Few rules, each for a fault that has hurt: types are the compiler's work, layout is prettier's. */
export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "**/*.cjs", "scripts/**", "eslint.config.mjs", "docker/**"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./nodes/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      // `import x = require()` is how TypeScript reads a CommonJS module that exports a function, as nodes are.
      "@typescript-eslint/no-require-imports": ["error", { allowAsImport: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "no-empty": ["error", { allowEmptyCatch: false }],
      eqeqeq: "error",
      "no-unsafe-finally": "error",
      "no-constant-condition": "error",
      "no-fallthrough": "error",
      "no-console": "off",
    },
  },
  {
    files: ["nodes/**/editor.ts", "nodes/**/*.editor.ts"],
    rules: { "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^(tally|RED$)" }] },
  },
  {
    files: ["lib/**/*.ts", "nodes/**/*.ts"],
    rules: { "no-console": "error" },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // `it(...)` of mocha returns a promise of nobody.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: ["it", "test", "describe"] },
      ],
    },
  },
);
