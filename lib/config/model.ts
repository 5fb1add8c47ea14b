import { z } from "zod";
import { backboneSchemas } from "../backbones/index.js";

export const backbone = z.discriminatedUnion("type", backboneSchemas).describe("What turns an image into features");
