// The specs run as compiled JavaScript: what is tested is what ships.
module.exports = {
  "node-option": ["enable-source-maps"],
  timeout: 20000,
  reporter: "dot",
};
