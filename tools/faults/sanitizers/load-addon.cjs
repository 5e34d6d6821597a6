// Loads the addon with sanitizers instead of the installed one, also in child processes and threads.
const { dlopen } = process;
process.dlopen = (module, file, ...flags) =>
  dlopen.call(process, module, file.endsWith('faiss-node.node') ? process.env.FACET_SANITIZED_ADDON : file, ...flags);
