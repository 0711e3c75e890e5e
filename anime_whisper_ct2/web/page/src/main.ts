/** Starts the page. */
import { language } from "./messages.js";
import { setTheme, theme } from "./settings.js";
import "./app.js";

document.documentElement.lang = language();
setTheme(theme());
