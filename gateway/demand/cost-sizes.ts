import type { FieldNode, GraphQLArgument, ValueNode } from 'graphql';
import { valueFromASTUntyped } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { ListSize } from './cost-rules.ts';

/** The values of an operation's variables, as its client sends them. */
export type Variables = Readonly<Record<string, unknown>>;

/**
 * How many items a field gives for what it is asked with. Throws BAD_USER_INPUT
 * when it has to be sized by exactly one argument and is not.
 */
export function sizeOf(
  coordinate: string,
  { slicingArguments, assumedSize, requireOneSlicingArgument }: ListSize,
  { node, args }: { readonly node: FieldNode; readonly args: readonly GraphQLArgument[] },
  listSizeDefault: number,
): (variables: Variables) => number {
  return (variables) => {
    const sizes = slicingArguments.flatMap((name) => {
      const given = node.arguments?.find((argument) => argument.name.value === name);
      return given ? number(valueOf(given.value, variables)) : [];
    });
    if (requireOneSlicingArgument && slicingArguments.length > 0 && sizes.length > 1) {
      throw oneSize(coordinate, slicingArguments);
    }
    if (sizes.length > 0) return Math.max(...sizes);
    const defaults = slicingArguments.flatMap((name) => {
      return number(args.find((one) => one.name === name)?.defaultValue);
    });
    if (defaults.length > 0) return Math.max(...defaults);
    if (requireOneSlicingArgument && slicingArguments.length > 0 && assumedSize === undefined) {
      throw oneSize(coordinate, slicingArguments);
    }
    return assumedSize ?? listSizeDefault;
  };
}

/** A size as far as it is one; anything else is refused when arguments are looked at. */
function number(value: unknown): readonly number[] {
  return typeof value === 'number' && Number.isFinite(value) ? [Math.max(0, value)] : [];
}

function oneSize(coordinate: string, names: readonly string[]): ForgeError {
  return new ForgeError(
    'BAD_USER_INPUT',
    `${coordinate} needs exactly one of ${names.join(', ')}.`,
  );
}

/** What an argument is given, whether it is valid or not. */
export function valueOf(node: ValueNode, variables: Variables): unknown {
  return valueFromASTUntyped(node, variables);
}
