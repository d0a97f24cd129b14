/** Contract suites for what others implement. */
export {}
