// Every family of operators: one file each, one line each in catalog.cpp.
#pragma once
#include <vector>

#include "lib/ops/op.h"

namespace compress {

std::vector<OpSpec> activationOps();
std::vector<OpSpec> affineOps();
std::vector<OpSpec> attentionOps();
std::vector<OpSpec> binaryOps();
std::vector<OpSpec> castOps();
std::vector<OpSpec> col2imOps();
std::vector<OpSpec> constantOps();
std::vector<OpSpec> controlOps();
std::vector<OpSpec> convOps();
std::vector<OpSpec> convTransposeOps();
std::vector<OpSpec> cumulativeOps();
std::vector<OpSpec> deformConvOps();
std::vector<OpSpec> einsumOps();
std::vector<OpSpec> gatherOps();
std::vector<OpSpec> linearAttentionOps();
std::vector<OpSpec> logicOps();
std::vector<OpSpec> lossOps();
std::vector<OpSpec> matmulOps();
std::vector<OpSpec> mlOps();
std::vector<OpSpec> movementOps();
std::vector<OpSpec> normalizationOps();
std::vector<OpSpec> optimizerOps();
std::vector<OpSpec> poolOps();
std::vector<OpSpec> quantizeOps();
std::vector<OpSpec> randomOps();
std::vector<OpSpec> recurrentOps();
std::vector<OpSpec> reduceOps();
std::vector<OpSpec> resizeOps();
std::vector<OpSpec> scatterOps();
std::vector<OpSpec> selectionOps();
std::vector<OpSpec> sequenceOps();
std::vector<OpSpec> shapeOps();
std::vector<OpSpec> signalOps();
std::vector<OpSpec> slicePadOps();
std::vector<OpSpec> softmaxOps();
std::vector<OpSpec> stringOps();
std::vector<OpSpec> tfIdfOps();
std::vector<OpSpec> treeOps();
std::vector<OpSpec> unaryOps();
std::vector<OpSpec> uniqueOps();
std::vector<OpSpec> unpoolOps();
std::vector<OpSpec> visionOps();

}  // namespace compress
