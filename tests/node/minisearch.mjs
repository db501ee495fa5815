// Ranks sections for questions with MiniSearch, set as VitePress sets it.
// Reads {documents: [{id, title, titles, text}], questions: [text]}; prints one JSON list of ids a line.
import { readFileSync } from "node:fs";
import MiniSearch from "minisearch";

const { documents, questions } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const index = new MiniSearch({
  fields: ["title", "titles", "text"],
  searchOptions: { fuzzy: 0.2, prefix: true, boost: { title: 4, text: 2, titles: 1 } },
});
index.addAll(documents);
for (const question of questions) {
  console.log(JSON.stringify(index.search(question).slice(0, 60).map((hit) => hit.id)));
}
