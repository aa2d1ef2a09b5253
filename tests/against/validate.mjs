// Validates binary glTF with the validator of Khronos: node validate.mjs FILE|FOLDER …
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import validator from "gltf-validator";

const WARNING = 1; // 0 is an error; 2 and 3 tell of extensions that the validator does not know

const below = (place) =>
  statSync(place).isDirectory() ? readdirSync(place).flatMap((name) => below(path.join(place, name))) : [place];

const files = process.argv.slice(2).flatMap(below).filter((file) => file.endsWith(".glb"));
const problems = [];
for (const file of files) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 100 });
  for (const { severity, code, message, pointer } of report.issues.messages) {
    if (severity <= WARNING) problems.push(`${file}: ${code} ${pointer}: ${message}`);
  }
}
console.log(JSON.stringify({ files: files.length, problems }));
