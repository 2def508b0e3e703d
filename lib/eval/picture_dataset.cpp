#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/arrays.h"
#include "lib/eval/file_datasets.h"
#include "lib/eval/input_plan.h"
#include "lib/eval/labels.h"
#include "lib/eval/picture.h"
#include "lib/eval/selection.h"

namespace compress {
namespace {

namespace fs = std::filesystem;

struct Picture {
  fs::path path;
  std::string relative;  ///< to the folder given
  std::optional<int64_t> label;
};

class PictureDataset : public Dataset {
 public:
  PictureDataset(std::vector<Picture> pictures, InputPlan plan, int64_t skipped)
      : pictures_(std::move(pictures)), plan_(std::move(plan)), skipped_(skipped) {}

  int64_t size() const override { return static_cast<int64_t>(pictures_.size()); }
  bool hasLabels() const override { return pictures_.front().label.has_value(); }
  const Preprocess& preprocess() const override { return plan_.preprocess(); }
  std::string_view kind() const override { return "pictures"; }
  int64_t skippedCount() const override { return skipped_; }

  Sample read(int64_t index) const override {
    const Picture& picture = pictures_.at(static_cast<size_t>(index));
    Sample sample;
    sample.name = picture.path.string();
    const Tensor decoded =
        within([&] { return displayName(sample.name); }, [&] { return decodePicture(readFile(picture.path)); });
    sample.inputs.push_back(plan_.apply(decoded, displayName(sample.name)));
    if (picture.label) sample.label = Tensor::scalar<int64_t>(*picture.label);
    return sample;
  }

 private:
  std::vector<Picture> pictures_;
  InputPlan plan_;
  int64_t skipped_;
};

bool isHidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

std::vector<fs::path> sortedEntries(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (!isHidden(at->path())) entries.push_back(at->path());
  if (failed)
    throw Error(ErrorKind::io, text(displayName(folder.string()), ": cannot read the folder: ", failed.message()));
  std::ranges::sort(entries, {}, [](const fs::path& path) { return path.filename().string(); });
  return entries;
}

void addPictures(const fs::path& root, const fs::path& folder, std::optional<int64_t> label,
                 std::vector<Picture>& pictures) {
  for (const fs::path& entry : sortedEntries(folder))
    if (hasPictureName(entry) && fs::is_regular_file(entry))
      pictures.push_back({entry, entry.lexically_relative(root).generic_string(), label});
}

/// Pictures of the folder itself, or of its sub-folders with their classes.
std::vector<Picture> findPictures(const fs::path& root) {
  if (!fs::is_directory(root)) return {{root, root.filename().string(), std::nullopt}};
  std::vector<Picture> direct, classed;
  addPictures(root, root, std::nullopt, direct);
  int64_t label = 0;
  for (const fs::path& entry : sortedEntries(root))
    if (fs::is_directory(entry)) addPictures(root, entry, label++, classed);
  if (!direct.empty() && !classed.empty())
    throw Error(ErrorKind::input,
                text(displayName(root.string()), ": has pictures of its own (", displayName(direct[0].relative),
                     ") and in sub-folders (", displayName(classed[0].relative), ")"),
                "put all into class folders, or none");
  if (direct.empty() && classed.empty())
    throw Error(ErrorKind::input,
                text(displayName(root.string()),
                     ": no pictures found: looked for .jpg .jpeg .png .ppm .pgm in it and in its sub-folders"));
  return direct.empty() ? classed : direct;
}

void setLabels(std::vector<Picture>& pictures, const DataSource& source) {
  if (source.labels && source.labels->extension() == ".csv") {
    const std::map<std::string, int64_t> table = readClassTable(*source.labels);
    for (Picture& picture : pictures) {
      const auto found = table.find(picture.relative);
      if (found == table.end())
        throw Error(ErrorKind::input,
                    text(displayName(source.labels->string()), ": no label for '", displayName(picture.relative), "'"),
                    "lines are path,class; paths from the picture folder");
      picture.label = found->second;
    }
  } else if (source.labels) {
    const Labels labels = source.labels->extension() == ".txt"
                              ? Labels(readClassList(*source.labels), 0)
                              : Labels(openArrays(*source.labels).arrays.begin()->second, 0);
    if (labels.count() != static_cast<int64_t>(pictures.size()))
      throw Error(ErrorKind::input, text(displayName(source.labels->string()), ": ", labels.count(), " labels for ",
                                         pictures.size(), " pictures"));
    for (size_t i = 0; i < pictures.size(); ++i) pictures[i].label = toInts(labels.read(static_cast<int64_t>(i))).at(0);
  }
  for (Picture& picture : pictures)
    if (picture.label) *picture.label += source.labelOffset;
}

/// Leaves out what checkPicture refuses; the count of these.
int64_t dropDamaged(std::vector<Picture>& pictures, const fs::path& root) {
  std::vector<std::string> failures(pictures.size());
  parallelFor(static_cast<int64_t>(pictures.size()), [&](int64_t i) {
    try {
      checkPicture(pictures[static_cast<size_t>(i)].path);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input) throw;
      failures[static_cast<size_t>(i)] = error.message();
    }
  });
  const auto damaged = std::ranges::count_if(failures, [](const std::string& failure) { return !failure.empty(); });
  if (static_cast<double>(damaged) > kDamagedShare * static_cast<double>(pictures.size())) {
    const auto first = static_cast<size_t>(
        std::ranges::find_if(failures, [](const std::string& failure) { return !failure.empty(); }) - failures.begin());
    throw Error(ErrorKind::input, text(displayName(root.string()), ": ", damaged, " of ", pictures.size(),
                                       " pictures are damaged, more than 5 %; the first: ",
                                       displayName(pictures[first].relative), ": ", failures[first]));
  }
  std::vector<Picture> kept;
  for (size_t i = 0; i < pictures.size(); ++i)
    if (failures[i].empty()) kept.push_back(std::move(pictures[i]));
  pictures = std::move(kept);
  return damaged;
}

}  // namespace

std::unique_ptr<Dataset> openPictures(const DataSource& source, const std::vector<InputSpec>& inputs,
                                      const PreprocessOptions& options) {
  if (inputs.size() != 1)
    throw Error(ErrorKind::input,
                text(displayName(source.path.string()), ": pictures feed one input, the model has ", inputs.size()),
                "use an npz, or --input NAME=PATH for each");
  const SlicedPath sliced = parseSlice(source.path);
  std::vector<Picture> pictures = findPictures(sliced.path);
  setLabels(pictures, source);
  const int64_t skipped = dropDamaged(pictures, sliced.path);
  std::vector<Picture> selected;
  for (const int64_t index : selectSamples(static_cast<int64_t>(pictures.size()), sliced, source))
    selected.push_back(pictures[static_cast<size_t>(index)]);
  InputPlan plan(inputs[0], {DType::u8, Shape{}, true}, options);
  return std::make_unique<PictureDataset>(std::move(selected), std::move(plan), skipped);
}

}  // namespace compress
