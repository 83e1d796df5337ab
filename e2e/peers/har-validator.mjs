// Judges HTTP Archives by npm's har-validator, which is not ours. Arguments:
// the files. Standard output: a line for each with the number of its entries.
// Standard error and status 1: what is wrong.
import { readFile } from 'node:fs/promises';
import { har } from 'har-validator';

for (const path of process.argv.slice(2)) {
	const archive = JSON.parse(await readFile(path, 'utf8'));
	try {
		await har(archive);
		console.log(`${archive.log.entries.length} entries`);
	} catch (error) {
		console.error(path, error.message, JSON.stringify(error.errors));
		process.exitCode = 1;
	}
}
