// Prints where a Chromium is that needs no installation: unpacked by the package that carries one.
import chromium from "@sparticuz/chromium";

console.log(await chromium.executablePath());
