/** The folder where `densekit engine install tensorflow` has put a working @tensorflow/tfjs-node, if it has. */
export async function installedTensorFlow(): Promise<string | undefined> {
  return undefined;
}
