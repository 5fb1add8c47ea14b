import { expect } from "chai";
import { backboneTitle, makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { totalCost } from "../../lib/graph/cost.js";
import { input, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { backboneConfig, expectGolden, goldenNames } from "../support/backboneGoldens.js";

/** Parameters in millions and multiply-adds in 10⁹, counted on the published implementations: classifier 224², dense 512². */
const PUBLISHED = [
  [{ type: "efficientformer", variant: "l1" }, [12.29, 1.291], [11.39, 6.81]],
  [{ type: "efficientformer", variant: "l3" }, [31.41, 3.907], [30.39, 20.68]],
  [{ type: "efficientformer", variant: "l7" }, [82.23, 10.119], [80.71, 53.4]],
  [{ type: "efficientformerv2", variant: "s0" }, [3.6, 0.396], [3.26, 2.5]],
  [{ type: "efficientformerv2", variant: "s1" }, [6.19, 0.652], [5.75, 3.84]],
  [{ type: "efficientformerv2", variant: "s2" }, [12.71, 1.247], [12.15, 7.24]],
  [{ type: "efficientformerv2", variant: "l" }, [26.32, 2.553], [25.58, 14.36]],
  [{ type: "mobilevit", variant: "xs" }, [2.32, 0.772], [1.93, 5.51]],
  [{ type: "resnet", variant: 18 }, [11.69, 1.814], [11.18, 9.47]],
  [{ type: "resnet", variant: 50 }, [25.56, 4.089], [23.51, 21.35]],
  [{ type: "resnet", variant: 101 }, [44.55, 7.801], [42.5, 40.75]],
  [{ type: "poolformer", variant: "s12" }, [11.92, 1.812], [11.4, 9.47]],
  [{ type: "poolformer", variant: "s24" }, [21.39, 3.392], [20.88, 17.72]],
  [{ type: "poolformer", variant: "s36" }, [30.86, 4.972], [30.35, 25.97]],
  [{ type: "mobilenetv2", variant: "x1.0" }, [3.5, 0.301], [2.22, 1.56]],
  [{ type: "mobilenetv2", variant: "x1.4" }, [6.11, 0.582], [4.32, 3.03]],
] as const;

type Forward = (x: Value, context: Context) => Value[];

/** Parameters in millions, multiply-adds in 10⁹. */
function sizeOf(side: number, make: (scope: ParameterScope) => Forward): [number, number] {
  const list = new ParameterList();
  const forward = make(list.scope());
  const maps = forward(input("x", [1, 3, side, side]), Context.inference(new ParameterValues(list.all)));
  const learnt = new Set(list.all.filter(({ role }) => role !== "buffer").map(({ name }) => name));
  const outputs = Object.fromEntries(maps.map((map, i) => [`y${i}`, map]));
  const { parameters, macs } = totalCost(outputs, { isParameter: (name) => learnt.has(name) });
  return [parameters / 1e6, macs / 1e9];
}

describe("backbones", () => {
  const engine = onnxRuntimeEngine();

  for (const name of goldenNames()) {
    it(`${name} equals the published implementation`, () => expectGolden(name, engine));
  }

  for (const [written, classifier, dense] of PUBLISHED) {
    const config = backboneConfig.parse(written);
    it(`${backboneTitle(config)} has the published parameters and multiply-adds`, () => {
      const [parameters, macs] = sizeOf(224, (scope) => {
        const { forward } = makeClassifier(scope, config, { imageSide: 224, classes: 1000 });
        return (x, context) => [forward(x, context)];
      });
      expect(parameters).to.be.closeTo(classifier[0], 0.0051);
      expect(macs).to.be.closeTo(classifier[1], 0.00051);
      const [denseParameters, denseMacs] = sizeOf(512, (scope) => {
        return makeBackbone(scope, config, { imageSide: 512 }).forward;
      });
      expect(denseParameters).to.be.closeTo(dense[0], 0.0051);
      expect(denseMacs).to.be.closeTo(dense[1], 0.0051);
    });
  }
});
