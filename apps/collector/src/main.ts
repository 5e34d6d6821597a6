import { help } from './help.ts';

const [command] = process.argv.slice(2);
if (command === 'help' || command === '--help' || command === '-h') {
  process.stdout.write(help);
} else {
  // Not before: help comes at once.
  const { runCollector } = await import('./run-collector.ts');
  await runCollector(command);
}
