// Every metric's declaration; metric.cpp lists them in the order in which help shows them.
#pragma once
#include "lib/eval/metric.h"

namespace compress {

MetricSpec top1Metric();
MetricSpec top5Metric();
MetricSpec meanSquaredErrorMetric();
MetricSpec cosineMetric();
MetricSpec peakSignalToNoiseMetric();
MetricSpec f1Metric();
MetricSpec aucMetric();
MetricSpec meanIouMetric();
MetricSpec spearmanMetric();
MetricSpec exactMetric();
MetricSpec tokenErrorMetric();

}  // namespace compress
