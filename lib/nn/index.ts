export { Context } from "./context.js";
export * from "./initialisers.js";
export * from "./layers.js";
export { type Parameter, ParameterList, type ParameterScope, ParameterValues } from "./parameters.js";
