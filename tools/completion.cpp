// completion: prints a script that completes verbs, options and their choices in a shell.
#include "tools/completion.h"

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/json_visitor.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// An option as a shell sees it.
struct Word {
  std::string flag;  ///< "--threads"
  char letter = 0;
  std::string help;
  bool takesValue = false;
  std::vector<std::string> choices;
};

class WordVisitor : public JsonVisitor {
 public:
  std::vector<Word> words;

 protected:
  void option(const Json& value, const OptionInfo& info) override {
    if (value.is_boolean()) return both(info);
    words.push_back(
        {text("--", info.name), info.letter, std::string(info.help), true, {info.choices.begin(), info.choices.end()}});
  }
  void flag(const std::optional<bool>&, const OptionInfo& info) override { both(info); }

 private:
  void both(const OptionInfo& info) {
    words.push_back({text("--", info.name), info.letter, std::string(info.help), false, {}});
    words.push_back({text("--", oppositeOf(info)), 0, text("not: ", info.help), false, {}});
  }
};

std::vector<Word> wordsOf(const VerbSpec& spec) {
  const std::unique_ptr<Verb> verb = spec.make();
  CommonOptions common;
  WordVisitor visitor;
  verb->options(visitor);
  common.options(visitor, spec.groups);
  visitor.words.push_back({"--help", 'h', "show this verb's options", false, {}});
  return std::move(visitor.words);
}

std::string names(std::span<const VerbSpec> verbs) {
  std::vector<std::string> words;
  for (const VerbSpec& verb : verbs) words.emplace_back(verb.name);
  return join(words, " ");
}

/// The text between single quotes of a shell.
std::string shellWord(std::string_view word) {
  std::string out = "'";
  for (const char c : word)
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  return out + "'";
}

std::string bashScript(std::span<const VerbSpec> verbs) {
  std::string out = text(
      "# bash completion of compress: compress completion bash > /etc/bash_completion.d/compress\n"
      "_compress() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} options=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '",
      names(verbs), " help --help --version' -- \"$word\"))\n    return\n  fi\n  case \"$verb $before\" in\n");
  for (const VerbSpec& verb : verbs)
    for (const Word& word : wordsOf(verb))
      if (!word.choices.empty())
        out += text("    '", verb.name, ' ', word.flag, "') COMPREPLY=($(compgen -W '", join(word.choices, " "),
                    "' -- \"$word\")); return ;;\n");
  out += "  esac\n  case $verb in\n";
  for (const VerbSpec& verb : verbs) {
    std::vector<std::string> flags;
    for (const Word& word : wordsOf(verb)) flags.push_back(word.flag);
    out += text("    ", verb.name, ") options='", join(flags, " "), "' ;;\n");
  }
  return out + text("    help) options='", names(verbs),
                    "' ;;\n  esac\n"
                    "  case $verb:$word in\n"
                    "    help:*|*:-*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                    "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
                    "  esac\n}\n"
                    "complete -o filenames -F _compress compress\n");
}

/// Brackets and colons mean something in zsh's descriptions.
std::string zshText(std::string_view help) {
  std::string out;
  for (const char c : help) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zshScript(std::span<const VerbSpec> verbs) {
  std::string out =
      "#compdef compress\n# zsh completion of compress: compress completion zsh > DIRECTORY_OF_FPATH/_compress\n"
      "_compress() {\n  local -a verbs\n  verbs=(\n";
  for (const VerbSpec& verb : verbs) out += text("    ", shellWord(text(verb.name, ':', zshText(verb.summary))), '\n');
  out += "  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n  case $words[2] in\n";
  for (const VerbSpec& verb : verbs) {
    out += text("    ", verb.name, ") _arguments '*:file:_files'");
    for (const Word& word : wordsOf(verb)) {
      const std::string values = word.choices.empty() ? "_files" : text("(", join(word.choices, " "), ")");
      out += text(" \\\n      ", shellWord(text("*", word.flag, "[", zshText(word.help), "]",
                                                word.takesValue ? text(":value:", values) : "")));
    }
    out += " ;;\n";
  }
  return out + "    help) _describe verb verbs ;;\n  esac\n}\n_compress \"$@\"\n";
}

std::string fishScript(std::span<const VerbSpec> verbs) {
  std::string out =
      "# fish completion of compress: compress completion fish > ~/.config/fish/completions/compress.fish\n"
      "complete -c compress -n __fish_use_subcommand -l version -d 'print the version'\n";
  for (const VerbSpec& verb : verbs)
    out +=
        text("complete -c compress -n __fish_use_subcommand -f -a ", verb.name, " -d ", shellWord(verb.summary), '\n');
  for (const VerbSpec& verb : verbs)
    for (const Word& word : wordsOf(verb)) {
      out += text("complete -c compress -n '__fish_seen_subcommand_from ", verb.name, "' -l ", word.flag.substr(2));
      if (word.letter != 0) out += text(" -s ", word.letter);
      if (word.takesValue) out += " -r";
      if (!word.choices.empty()) out += text(" -f -a ", shellWord(join(word.choices, " ")));
      out += text(" -d ", shellWord(word.help), '\n');
    }
  return out;
}

class Completion : public Verb {
 public:
  void options(OptionVisitor&) override {}

  int run(VerbContext& context) override {
    const std::string script = completionScript(context.operands[0], allVerbs());
    context.document["completion"] = script;
    if (!context.common.json) context.console.write(script);
    return 0;
  }
};

}  // namespace

std::string completionScript(std::string_view shell, std::span<const VerbSpec> verbs) {
  if (shell == "bash") return bashScript(verbs);
  if (shell == "zsh") return zshScript(verbs);
  if (shell == "fish") return fishScript(verbs);
  throw Error(ErrorKind::usage, text("no completion for '", displayName(shell), "', expected one of bash, zsh, fish"));
}

VerbSpec completionVerb() {
  return {.name = "completion",
          .summary = "print a completion script for a shell: bash, zsh or fish",
          .example = "bash",
          .operands = "SHELL",
          .groups = kNoGroup,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Completion>(); }};
}

}  // namespace compress
