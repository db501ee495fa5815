// Reads [{where, line, language, code}] and prints one line per block that does not parse.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";

const folder = mkdtempSync(join(tmpdir(), "blocks-"));

function javascript({ code }) {
  const complaints = ["mjs", "cjs"].map((kind) => {
    const file = join(folder, `block.${kind}`);
    writeFileSync(file, code);
    const { status, stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8" });
    return status === 0 ? null : stderr;
  });
  if (complaints.includes(null)) return [];
  const line = Number(/block\.mjs:(\d+)/.exec(complaints[0])?.[1] ?? 1);
  return [[line - 1, /SyntaxError: .*/.exec(complaints[0])?.[0] ?? complaints[0].trim()]];
}

function typescript({ code, language }) {
  const source = ts.createSourceFile(language === "tsx" ? "b.tsx" : "b.ts", code, ts.ScriptTarget.Latest, true);
  return source.parseDiagnostics.map((found) => [
    source.getLineAndCharacterOfPosition(found.start).line,
    ts.flattenDiagnosticMessageText(found.messageText, " "),
  ]);
}

for (const block of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const found = block.language.startsWith("t") ? typescript(block) : javascript(block);
  for (const [line, message] of found) console.log(`${block.where}:${block.line + line}: ${message}`);
}
rmSync(folder, { recursive: true });
