import { engineConformance } from "../../test/conformance/engine.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";

engineConformance("simulated", simulatedEngine);
