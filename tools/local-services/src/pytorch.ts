import { join } from 'node:path';
import { installPython } from './python-packages.ts';

/** Pinned, so that figures remain comparable. */
const packages = ['torch==2.8.0', 'numpy==2.4.6', 'safetensors==0.6.2', 'packaging==25.0'];

/** Returns the path of a Python with PyTorch. The first call installs some gigabytes, because the wheel includes GPU libraries. */
export async function pytorchPython(): Promise<string> {
  const name = `pytorch-${packages.join('-').replaceAll('==', '-')}`;
  return join(await installPython(name, ['--no-cache-dir', ...packages]), 'python');
}
