import { generateKeyPairSync, randomUUID, sign, verify } from "node:crypto";

/** A plain client of bunq's API, written from its documentation and sharing nothing with the provider under test. */
export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  body: {
    Response?: Record<string, never>[];
    Error?: { error_description: string }[];
    Pagination?: RawPagination;
  };
}

export interface RawPagination {
  future_url: string | null;
  newer_url: string | null;
  older_url: string | null;
}

export class RawBunq {
  readonly keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  serverKey = "";
  installationToken = "";
  sessionToken = "";
  userId = 0;

  constructor(
    public url: string,
    private readonly apiKey: string,
  ) {}

  async send(
    method: string,
    path: string,
    options: {
      body?: unknown;
      token?: string;
      signature?: string | null;
      headers?: Record<string, string>;
    } = {},
  ): Promise<RawAnswer> {
    const text = options.body === undefined ? "" : JSON.stringify(options.body);
    const signature =
      options.signature === undefined
        ? sign("sha256", Buffer.from(text), this.keys.privateKey).toString("base64")
        : options.signature;
    const response = await fetch(this.url + path.replace(/^\/v1/, ""), {
      method,
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "tallyflow-test",
        "Cache-Control": "no-cache",
        "X-Bunq-Language": "en_US",
        "X-Bunq-Region": "nl_NL",
        "X-Bunq-Geolocation": "0 0 0 0 NL",
        "X-Bunq-Client-Request-Id": randomUUID(),
        "X-Bunq-Client-Authentication": options.token ?? this.sessionToken,
        ...(signature === null ? {} : { "X-Bunq-Client-Signature": signature }),
        ...options.headers,
      },
      ...(text ? { body: text } : {}),
    });
    const answer = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text: answer,
      body: JSON.parse(answer) as never,
    };
  }

  get(path: string): Promise<RawAnswer> {
    return this.send("GET", path);
  }

  async install(): Promise<RawAnswer> {
    const client_public_key = this.keys.publicKey.export({ type: "spki", format: "pem" }).toString();
    const answer = await this.send("POST", "/installation", {
      body: { client_public_key },
      token: "",
      signature: null,
    });
    const parts = Object.assign({}, ...(answer.body.Response ?? [])) as Record<
      string,
      Record<string, string>
    >;
    this.installationToken = parts["Token"]?.["token"] ?? "";
    this.serverKey = parts["ServerPublicKey"]?.["server_public_key"] ?? "";
    return answer;
  }

  register(secret = this.apiKey): Promise<RawAnswer> {
    const body = { description: "judge", secret, permitted_ips: ["127.0.0.1"] };
    return this.send("POST", "/device-server", { body, token: this.installationToken });
  }

  async login(secret = this.apiKey): Promise<RawAnswer> {
    const answer = await this.send("POST", "/session-server", {
      body: { secret },
      token: this.installationToken,
    });
    const parts = Object.assign({}, ...(answer.body.Response ?? [])) as Record<
      string,
      { token?: string; id?: number }
    >;
    this.sessionToken = parts["Token"]?.token ?? "";
    this.userId = (parts["UserPerson"] ?? parts["UserCompany"] ?? parts["UserApiKey"])?.id ?? 0;
    return answer;
  }

  async open(): Promise<this> {
    await this.install();
    await this.register();
    await this.login();
    return this;
  }

  /** Is the answer signed by the server's key, over the body alone? */
  isSigned(answer: RawAnswer): boolean {
    const signature = Buffer.from(answer.headers.get("x-bunq-server-signature") ?? "", "base64");
    return verify("sha256", Buffer.from(answer.text), this.serverKey, signature);
  }
}
