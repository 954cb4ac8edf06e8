<?php
// Queue a list of calls of an application. After the vendor's "Queue Multiple Calls".
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$email = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$developer_key = getenv('CALLWRIGHT_KEY') ?: '';
$application_id = getenv('APPLICATION_ID') ?: '1';
$deployment_id = getenv('DEPLOYMENT_ID') ?: '1';
$phone_numbers_file = getenv('CSV_FILE') ?: 'queue.csv';
$starts = getenv('STARTS') ?: 'now';
$result_url = getenv('RESULT_URL') ?: '';

$url = $server.'/api/apps/'.$application_id.'/'.$deployment_id.'/bulk_queue';
$params = array(
  'csv' => curl_file_create($phone_numbers_file),
  'start_timestamp' => strtotime($starts),
  'end_timestamp' => strtotime('+3 hours'),
  'max_attempts' => 1,
  'result_url' => $result_url
);

$ch = curl_init();
curl_setopt($ch, CURLOPT_USERPWD, $email.':'.$developer_key);
curl_setopt($ch, CURLOPT_POST, 1);
curl_setopt($ch, CURLOPT_POSTFIELDS, $params);
curl_setopt($ch, CURLOPT_URL, $url);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: application/json", "Content-type: multipart/form-data"));
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
