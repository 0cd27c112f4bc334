# Values that the anomaly rules and the scan are tested against, made without any of their code.
#
# Run once, on Debian 12 (R 4.2.2, surveillance 1.20.3, jsonlite 1.8.4):
#   apt-get install r-base-core r-cran-surveillance r-cran-jsonlite
#   Rscript tests/cases/anomaly_fixtures.R tests/cases
# The tests read the JSON alone. Same R, same files: seeds are fixed below.

suppressMessages({library(jsonlite); library(surveillance)})
folder <- commandArgs(trailingOnly = TRUE)[1]
keep <- function(name, value) {
  write_json(value, file.path(folder, name), auto_unbox = TRUE, digits = NA)
}

# 1. Tails of the negative binomial, by R's pnbinom: P(X >= count).
grid <- expand.grid(mean = c(0.001, 0.05, 0.7, 3, 40), size = c(0.05, 0.5, 2.5, 60, 1e5),
                    count = c(0, 1, 3, 8, 25, 90))
grid$tail <- pnbinom(grid$count - 1, size = grid$size, mu = grid$mean, lower.tail = FALSE)
keep("anomaly_tails.json", grid)

# 2. One series against its own past: algo.bayes (Riebler 2004) with the 26 weeks before each.
#    Only weeks whose past is no more variable than Poisson, since algo.bayes knows no bunching,
#    and begins with a report, since a network's first report begins the baseline.
set.seed(20)
observed <- c(rbinom(60, 5, 0.4), 6, rbinom(50, 5, 0.4), 7, 5, rbinom(60, 3, 0.3), 4, 3, 9)
weeks <- Filter(function(week) {
  past <- observed[(week - 26):(week - 1)]
  past[1] > 0 && sum((past - mean(past))^2) <= 25 * mean(past)
}, 27:length(observed))
series <- create.disProg(week = seq_along(observed), observed = observed,
                         state = rep(0, length(observed)), freq = 52)
judged <- lapply(c(0.05, 0.01, 0.001), function(alpha) {
  result <- algo.bayes(series, control = list(range = weeks, b = 0, w = 26, actY = TRUE,
                                              alpha = alpha))
  list(alpha = alpha, upper = as.integer(result$upperbound), alarm = as.integer(result$alarm))
})
keep("anomaly_algo_bayes.json", list(observed = observed, weeks = weeks, judged = judged))

# 3. A network: priors pooled over the other areas, bunching, and the threshold that the budget
#    affords, each written out plainly from the formulas.
network <- function(seed, areas, types, weeks, mean_rate, bunched, budget, at_least) {
  set.seed(seed)
  rate <- matrix(rgamma(areas * types, 0.7, 0.7 / mean_rate), areas, types)
  counts <- array(0, c(areas, types, weeks))
  for (a in 1:areas) for (k in 1:types) for (w in 1:weeks) {
    counts[a, k, w] <- if (bunched) sum(1 + rpois(rpois(1, rate[a, k]), 0.6)) else
      rpois(1, rate[a, k])
  }
  counts[areas, , ] <- 0   # not heard from in the baseline
  counts[1, 1, 1] <- max(1, counts[1, 1, 1])   # the baseline begins with the first report
  heard <- which(apply(counts, 1, sum) > 0)
  predict <- function(k, own) {   # own: the area's number, or NA if not heard from
    totals <- rowSums(counts[heard, k, , drop = FALSE])
    spread <- sum(sapply(heard, function(a) (weeks - 1) * var(counts[a, k, ])))
    phi <- if (sum(totals) == 0) 1 else max(1, spread / sum((weeks - 1) * totals / weeks))
    others <- if (is.na(own)) totals else totals[heard != own]
    m <- (sum(others) / phi + 0.5) / (length(others) * weeks / phi)
    tau2 <- if (length(totals) > 1)
      max(0, var(totals / weeks) - phi * mean(totals / weeks) / weeks) else 0
    alpha <- 1 / (tau2 / m^2 + 1 / (sum(others) / phi + 0.5))
    beta <- alpha / m
    n <- if (is.na(own)) 0 else totals[heard == own]
    exposure <- if (is.na(own)) 0 else weeks
    a <- alpha + n / phi
    b <- beta + exposure / phi
    mu <- a / b
    variance <- phi * mu + a / b^2
    c(mean = mu, size = mu^2 / (variance - mu), shape = a, rate = b, phi = phi)
  }
  types_heard <- which(apply(counts[heard, , , drop = FALSE], 2, sum) > 0)
  series <- do.call(rbind, lapply(types_heard, function(k) t(sapply(heard, function(a)
    predict(k, a)))))
  cut <- function(p) apply(series, 1, function(s) {
    count <- max(at_least, floor(s["mean"]) + 1)
    while (pnbinom(count - 1, size = s["size"], mu = s["mean"], lower.tail = FALSE) > p)
      count <- count + 1
    count
  })
  excursions <- function(s, count) {   # rises to `count` from every count below, by one bunch
    q <- 1 - 1 / s["phi"]
    total <- 0
    for (before in 0:(count - 1)) {
      missing <- count - before
      bunches <- if (s["phi"] == 1) as.numeric(missing == 1) else
        sum(q^(missing:5000) / (missing:5000)) / (s["phi"] - 1)
      weight <- s["rate"] + 1 / s["phi"]
      rate <- (s["shape"] + before / s["phi"]) / weight
      total <- total + dnbinom(before, size = s["size"], mu = s["mean"]) * rate * bunches *
        max(0, 1 - (rate + 1 / weight) / count)
    }
    unname(total)
  }
  cost <- function(p) {
    counts <- cut(p)
    sum(sapply(seq_len(nrow(series)), function(i) excursions(series[i, ], counts[i])))
  }
  low <- 1e-10
  high <- 0.05
  if (cost(high) > budget) {
    for (i in 1:50) {
      middle <- sqrt(low * high)
      if (cost(middle) <= budget) low <- middle else high <- middle
    }
    last <- max(mapply(function(count, mean, size)   # half-way from the last that is affordable
      pnbinom(count - 1, size = size, mu = mean, lower.tail = FALSE),
      cut(low), series[, "mean"], series[, "size"]))
    low <- sqrt(last * high)
  } else low <- high
  judged <- expand.grid(area = 1:areas, type = 1:types)
  judged$mean <- judged$p4 <- judged$asked <- 0
  for (row in seq_len(nrow(judged))) {
    own <- if (judged$area[row] %in% heard) judged$area[row] else NA
    s <- predict(judged$type[row], own)
    judged$mean[row] <- s["mean"]
    judged$p4[row] <- pnbinom(3, size = s["size"], mu = s["mean"], lower.tail = FALSE)
    count <- max(at_least, floor(s["mean"]) + 1)
    while (pnbinom(count - 1, size = s["size"], mu = s["mean"], lower.tail = FALSE) > low)
      count <- count + 1
    judged$asked[row] <- count
  }
  list(budget = budget, at_least = at_least, counts = counts, threshold = low, judged = judged)
}
keep("anomaly_network.json", list(
  network(1, 8, 3, 26, 0.4, FALSE, 0.5, 1),
  network(2, 8, 3, 26, 0.4, TRUE, 0.5, 3),
  network(3, 2, 2, 26, 1.5, FALSE, 0.02, 1),
  network(4, 15, 4, 13, 0.1, TRUE, 1, 2),
  network(5, 3, 1, 8, 0.3, FALSE, 1, 1)
))

# 4. The space-time permutation scan, every cylinder looked at, in plain loops.
earth <- 6371.0088
km <- function(a, b) {
  to <- pi / 180
  h <- sin((b[1] - a[1]) * to / 2)^2 +
    cos(a[1] * to) * cos(b[1] * to) * sin((b[2] - a[2]) * to / 2)^2
  2 * earth * asin(min(1, sqrt(h)))
}
best <- function(counts, far, max_km, max_days) {   # counts: places by days, the last day last
  total <- sum(counts)
  found <- list(log_glr = 0)
  for (centre in seq_len(nrow(counts))) for (radius in sort(unique(far[centre, ]))) {
    if (radius > max_km) break
    inside <- which(far[centre, ] <= radius)
    for (days in 1:max_days) {
      recent <- (ncol(counts) - days + 1):ncol(counts)
      observed <- sum(counts[inside, recent])
      expected <- sum(counts[inside, ]) * sum(counts[, recent]) / total
      if (observed <= expected) next
      log_glr <- observed * log(observed / expected)
      if (observed < total)
        log_glr <- log_glr + (total - observed) * log((total - observed) / (total - expected))
      if (log_glr > found$log_glr + 1e-9) found <- list(
        log_glr = log_glr, centre = centre, places = I(inside), radius_km = radius, days = days,
        observed = observed, expected = expected)
    }
  }
  found
}
distances <- function(points) {
  n <- nrow(points)
  round(outer(1:n, 1:n, Vectorize(function(i, j) km(points[i, ], points[j, ]))), 3)
}
table_of <- function(place, day, places, period) {
  unclass(table(factor(place, 1:places), factor(day, 1:period)))
}
example <- function(seed, places, cases, period, max_km, max_days, extra) {
  set.seed(seed)
  points <- cbind(round(runif(places, 14, 15), 4), round(runif(places, -5, -4), 4))
  points[2, ] <- points[1, ]   # two places at one point
  place <- c(sample(1:places, cases, TRUE, prob = places:1), rep(extra$place, extra$cases))
  day <- c(sample(1:period, cases, TRUE),
           sample((period - extra$days + 1):period, extra$cases, TRUE))
  list(points = points, place = place, day = day, period = period, max_km = max_km,
       max_days = max_days,
       best = best(table_of(place, day, places, period), distances(points), max_km, max_days))
}
examples <- list(
  example(1, 12, 80, 60, 40, 14, list(place = 7, cases = 5, days = 4)),
  example(2, 12, 80, 60, 40, 14, list(place = 1, cases = 0, days = 1)),
  example(3, 20, 200, 90, 60, 30, list(place = 3, cases = 6, days = 10)),
  example(4, 6, 20, 30, 200, 30, list(place = 2, cases = 3, days = 2))
)

# The exact p-value, over all 5,040 ways to deal seven dates.
permutations <- function(x) {
  if (length(x) == 1) return(list(x))
  do.call(c, lapply(seq_along(x), function(i)
    lapply(permutations(x[-i]), function(rest) c(x[i], rest))))
}
exact <- function(points, place, day, period, max_km, max_days) {
  far <- distances(points)
  statistic <- function(days)
    best(table_of(place, days, nrow(points), period), far, max_km, max_days)$log_glr
  observed <- statistic(day)
  drawn <- sapply(permutations(seq_along(day)), function(order) statistic(day[order]))
  list(points = points, place = place, day = day, period = period, max_km = max_km,
       max_days = max_days, log_glr = observed, p = mean(drawn >= observed - 1e-9))
}
four <- cbind(c(14, 14.1, 14.5, 14.9), c(-4, -4.1, -4.5, -4.2))
keep("anomaly_scan.json", list(examples = examples, exact = list(
  exact(four, c(1, 1, 1, 2, 3, 4, 4), c(9, 10, 10, 9, 2, 4, 6), 10, 20, 3),
  exact(four, c(1, 1, 2, 2, 3, 3, 4), c(10, 9, 9, 4, 3, 1, 6), 10, 60, 5)
)))
