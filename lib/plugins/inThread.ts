import { loadPlugin } from "./load.js";

// Imported by the threads that transform images, under a URL that names the plugin.
const plugin = new URL(import.meta.url).searchParams.get("plugin");
if (plugin !== null) loadPlugin(plugin);
