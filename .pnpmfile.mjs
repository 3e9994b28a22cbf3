/** What a package says of itself differs from its tarball in one thing: tests and development read the sources, which no tarball has. */
export const hooks = {
  beforePacking(manifest) {
    for (const conditions of Object.values(manifest.exports ?? {}))
      delete conditions["annals-source"];
    delete manifest.devDependencies;
    return manifest;
  },
};
