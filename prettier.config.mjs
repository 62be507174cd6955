/** The one formatter: nobody discusses layout. */
export default { singleQuote: true, printWidth: 100, trailingComma: 'all' };
