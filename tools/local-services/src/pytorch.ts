import { join } from 'node:path';
import { installPython } from './python-packages.ts';

/** Returns the path of a Python with PyTorch. The first call installs some gigabytes, because the wheel includes GPU libraries. */
export async function pytorchPython(): Promise<string> {
  return join(await installPython(new URL('../python/pytorch.txt', import.meta.url)), 'python');
}
