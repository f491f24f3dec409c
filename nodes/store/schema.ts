import { z } from "zod";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-store", "config", {
  kind: field(z.enum(["sqlite", "mongodb"]).default("sqlite"), {
    label: "Kind",
    description:
      "SQLite is one file with nothing to install, for one Node-RED. MongoDB is for many workers and for data that outgrows one machine.",
    options: { sqlite: "SQLite (a file)", mongodb: "MongoDB" },
  }),
  path: field(z.string().min(1).optional(), {
    label: "File",
    description:
      "Where the SQLite file is. A relative path starts at Node-RED's user directory. Two store nodes with one file share it.",
    placeholder: "tallyflow/tallyflow.db",
    when: { field: "kind", values: ["sqlite"] },
  }),
  uri: field(
    z
      .string()
      .regex(/^mongodb(\+srv)?:\/\//, "must begin with mongodb:// or mongodb+srv://")
      .optional(),
    {
      label: "Address",
      description:
        "Connection string of the MongoDB server. It is a credential, since it usually holds a password.",
      secret: true,
      placeholder: "mongodb://localhost:27017/tallyflow",
      when: { field: "kind", values: ["mongodb"] },
    },
  ),
});
