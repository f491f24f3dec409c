import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { Login } from "./login";

// Node-RED's settings where `tallyflow start` runs it. Node-RED loads this file itself. A user directory with a
// settings.js of its own is run by that one, which may take these over and change some:
//
//   module.exports = { ...require(process.env.TALLYFLOW_SETTINGS), uiPort: 8080 };

const env = process.env;
/** The cookie that the dashboard's socket is let in with. */
const COOKIE = "tallyflow-session";

/** A secret of the starting process, which flows and what they start need not see. */
function take(name: string): string | undefined {
  const value = env[name];
  delete env[name];
  return value;
}

const credentialSecret = take("TALLYFLOW_CREDENTIAL_SECRET");
const startToken = take("TALLYFLOW_START_TOKEN");
const loginFile = env["TALLYFLOW_LOGIN_FILE"];

const settings = {
  uiPort: Number(env["TALLYFLOW_UI_PORT"] || 1880),
  uiHost: env["TALLYFLOW_UI_HOST"] || "127.0.0.1",
  flowFile: "flows.json",
  flowFilePretty: true,
  credentialSecret,
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, projects: { enabled: false } },
  functionExternalModules: false,
  diagnostics: { enabled: true, ui: true },
  logging: { console: { level: env["TALLYFLOW_LOG_LEVEL"] || "info", metrics: false, audit: false } },
  ...(loginFile ? guarded(JSON.parse(readFileSync(loginFile, "utf8")) as Login) : {}),
};

/**
 * One login for everything that Node-RED serves: its form for the editor and the admin API, HTTP Basic for the
 * dashboard and for http nodes. The dashboard's socket does not pass through Node-RED's own check; it is let in by a
 * cookie that is given with the first page, which no other site can make the browser send.
 */
function guarded(login: Login) {
  const { compare } = createRequire(process.argv[1]!)("bcryptjs") as {
    compare(password: string, hash: string): Promise<boolean>;
  };
  const session = randomBytes(32).toString("base64url");
  let known: Buffer | undefined;
  const isRight = async (user: string, password: string): Promise<boolean> => {
    if (user !== login.user) return false;
    // bcrypt is slow by intent; a page is made of many requests.
    const digest = createHash("sha256").update(session).update(password).digest();
    if (known && timingSafeEqual(digest, known)) return true;
    const right = await compare(password, login.passwordHash);
    if (right) known = digest;
    return right;
  };
  const httpNodeAuth = (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void => {
    // A CORS preflight never carries credentials.
    if (request.method === "OPTIONS" || hasSession(request, session)) return next();
    const [user, password] = basicCredentials(request);
    isRight(user, password).then((right) => {
      if (right) {
        response.appendHeader("Set-Cookie", `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict`);
        return next();
      }
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="Tallyflow", charset="UTF-8"' });
      response.end("Log in with Tallyflow's user and password.\n");
    }, next);
  };
  return {
    adminAuth: {
      type: "credentials",
      users: [{ username: login.user, password: login.passwordHash, permissions: "*" }],
      // The process that started Node-RED waits for its flows and asks for the first pass.
      tokens: (token: string) =>
        Promise.resolve(
          startToken !== undefined && equal(token, startToken)
            ? {
                username: "tallyflow-start",
                permissions: ["flows.read", "tallyflow.read", "tallyflow.write"],
              }
            : null,
        ),
    },
    httpNodeAuth,
    dashboard: {
      ioMiddleware: (socket: { request: IncomingMessage }, next: (error?: Error) => void) =>
        next(hasSession(socket.request, session) ? undefined : new Error("Log in first.")),
    },
  };
}

function hasSession(request: IncomingMessage, session: string): boolean {
  const cookies = (request.headers.cookie ?? "").split(";").map((cookie) => cookie.trim());
  return cookies.some(
    (cookie) => cookie.startsWith(`${COOKIE}=`) && equal(cookie.slice(COOKIE.length + 1), session),
  );
}

function basicCredentials(request: IncomingMessage): [user: string, password: string] {
  const coded = /^Basic +([\w+/=-]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const text = Buffer.from(coded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? ["", ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function equal(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

export = settings;
