import { expect } from "chai";
import { BACKBONES, backboneLayers, backboneTitle, makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { layerScales } from "../../lib/models/backbone.js";
import { isWithin, ParameterList } from "../../lib/nn/parameters.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { variantsOf } from "../support/grid.js";
import { readTimm } from "../support/timm.js";

describe("layer-wise decay of the learning rate", () => {
  const { layerDecay, layers } = readTimm();

  for (const [name, { config: written, groups, scales }] of Object.entries(layers)) {
    it(`scales every parameter of ${name} as timm's param_groups_layer_decay`, () => {
      const config = backboneConfig.parse(written);
      const dense = makeBackbone(new ParameterList().scope("backbone"), config, { imageSide: 224 });
      const { scale, layers: count, least } = layerScales(dense, config, layerDecay);
      expect(count).to.equal(groups - 1); // timm counts the head
      const list = new ParameterList();
      makeClassifier(list.scope("backbone"), config, { imageSide: 224, classes: 10 });
      const trained = list.all.filter(({ role }) => role !== "buffer").map((parameter) => parameter.name);
      const expected = new Map(scales.flatMap(([value, names]) => names.map((each) => [each, value] as const)));
      expect(trained).to.have.length(expected.size);
      for (const own of trained) {
        expect(scale(own), own).to.be.closeTo(expected.get(own.slice("backbone.".length))!, 1e-15);
      }
      expect(least).to.be.closeTo(Math.min(...expected.values()), 1e-15);
      expect(scale("roi_head.bbox_head.fc_cls.weight"), "of no backbone").to.equal(1);
    });
  }

  for (const kind of BACKBONES) {
    for (const config of variantsOf(kind)) {
      it(`has a layer for every parameter of ${backboneTitle(config)} except heads, dense parts and α`, () => {
        const [dense, classifier] = [new ParameterList(), new ParameterList()];
        const backbone = makeBackbone(dense.scope(), config, { imageSide: 512 });
        const { stages } = makeClassifier(classifier.scope(), config, { imageSide: 224, classes: 10 });
        expect(stages, "parts that can be frozen").to.deep.equal(backbone.stages);
        const found = backboneLayers(config, backbone);
        const isIn = (name: string) => found.filter((paths) => paths.some((path) => isWithin(name, path))).length;
        const names = [dense, classifier].flatMap(({ all }) => all.map(({ name }) => name));
        const outside = names.filter((name) => isIn(name) === 0).map((name) => name.split(".")[0]);
        expect(
          [...new Set(outside)].filter(
            (name) => !/^(norm\d|simfp_\d|head|head_dist|dist_head|fc|classifier|alpha|temperature|kept)$/.test(name!),
          ),
        ).to.deep.equal([]);
        expect(names.filter((name) => isIn(name) > 1)).to.deep.equal([]);
        for (const [i, paths] of found.entries()) {
          expect(
            names.some((name) => paths.some((path) => isWithin(name, path))),
            `layer ${i}`,
          ).to.equal(true);
        }
      });
    }
  }
});
