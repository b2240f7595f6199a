/** How a rule of a schema is broken and where, see `x-kubernetes-validations`. */
export type ValidationRule = {
  /** CEL expression over `self` and `oldSelf`; true means valid. */
  readonly rule: string;
  readonly message?: string;
  /** CEL expression that yields the message; wins over `message`. */
  readonly messageExpression?: string;
  readonly reason?: string;
  /** Relative path of the field to blame, e.g. `.replicas`. */
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
};

/** apiextensions.k8s.io/v1 JSONSchemaProps, as far as a structural schema may use it. */
export type JsonSchemaProps = {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly title?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: JsonSchemaProps;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchemaProps>>;
  readonly additionalProperties?: JsonSchemaProps | boolean;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly JsonSchemaProps[];
  readonly anyOf?: readonly JsonSchemaProps[];
  readonly oneOf?: readonly JsonSchemaProps[];
  readonly not?: JsonSchemaProps;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
};

/**
 * Makes a test of a regular expression that searches anywhere in a text, in time linear to its
 * length: patterns come from users.
 * @throws Error on a pattern that is no RE2 expression
 */
export type PatternCompiler = (pattern: string) => (text: string) => boolean;
