# knee in a small image. `docker build -t knee .`, then
# `docker run --rm -v "$PWD:/data" knee run pi` writes its results to ./knee-results.

FROM rust:1-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --bin knee

FROM debian:bookworm-slim
# Programs that people often measure with knee. Leave out those that you do not need.
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 nodejs \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/dist/knee /usr/local/bin/knee
WORKDIR /data
ENTRYPOINT ["knee"]
CMD ["run"]
